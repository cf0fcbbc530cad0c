"""The far end of what moves, on pictures small enough to see."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from enrichment.engines.motion_features import MotionFeatures, MotionSeries, join
from enrichment.errors import EngineInputError

HEIGHT, WIDTH = 120, 160


def an_arm(tip: int, speed: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Something 30 wide that hangs into the picture from the top down to row `tip`, moving down, and its mask."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:tip, 60:90] = True
    flow = np.zeros((HEIGHT, WIDTH, 2), dtype=np.float32)
    flow[mask] = (0.0, speed)
    return flow, mask


def collect(first: int, tips: range, thing: NDArray[np.bool_]) -> MotionSeries:
    features = MotionFeatures(HEIGHT, WIDTH, first)
    for tip in tips:
        flow, mask = an_arm(tip, 3.0)
        features.add(flow, {1: mask, 2: thing}, {1: "gripper", 2: "obstacle_rigid"})
    return features.series()


@pytest.fixture
def block() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[90:110, 20:40] = True
    return mask


def test_the_far_end_is_away_from_the_border_and_moves_as_the_flow_says(block: NDArray[np.bool_]) -> None:
    series = collect(0, range(50, 70, 3), block)
    assert np.allclose(series.velocity, (0.0, 3.0), atol=0.2)
    assert np.all(series.tip[:, 1] > np.arange(50, 70, 3) - 12)
    assert np.allclose(series.tip[:, 0], 75, atol=4)


def test_motion_of_the_picture_is_told_by_direction(block: NDArray[np.bool_]) -> None:
    series = collect(0, range(50, 70, 3), block)
    right, left, down, up = series.directions.T
    assert np.allclose(down, 3.0 * np.arange(50, 70, 3) * 30 / (HEIGHT * WIDTH), rtol=0.05)
    assert max(right.max(), left.max(), up.max()) < 1e-6


def test_nothing_that_moves_is_a_far_end_at_rest(block: NDArray[np.bool_]) -> None:
    features = MotionFeatures(HEIGHT, WIDTH)
    features.add(np.zeros((HEIGHT, WIDTH, 2), np.float32), {2: block}, {})
    series = features.series()
    assert series.velocity.tolist() == [[0.0, 0.0]]
    assert np.isnan(series.tip).all()
    assert series.energy[0] == 0


def test_movers_and_surfaces_are_not_among_the_things(block: NDArray[np.bool_]) -> None:
    series = collect(0, range(50, 56, 3), block)
    assert series.tracks.tolist() == [2]
    assert np.allclose(series.centres[0], (29.5, 99.5))


def test_flow_at_half_the_size_tells_the_same(block: NDArray[np.bool_]) -> None:
    flow, mask = an_arm(60, 3.0)
    features = MotionFeatures(HEIGHT, WIDTH)
    features.add(flow[::2, ::2] / 2, {1: mask}, {1: "gripper"})
    assert np.allclose(features.series().velocity, (0.0, 3.0), atol=0.3)


def test_batches_joined_are_the_clip_in_one(block: NDArray[np.bool_]) -> None:
    whole = collect(10, range(50, 80, 3), block)
    parts = [collect(10, range(50, 62, 3), block), collect(14, range(62, 80, 3), block)]
    for name, array in join(parts).arrays().items():
        assert np.array_equal(array, whole.arrays()[name], equal_nan=True), name


def test_a_missing_batch_is_said(block: NDArray[np.bool_]) -> None:
    with pytest.raises(EngineInputError, match="jump from frame 2 to 5"):
        join([collect(0, range(50, 56, 3), block), collect(5, range(50, 56, 3), block)])


def test_saved_features_come_back_and_incomplete_ones_are_refused(block: NDArray[np.bool_]) -> None:
    series = collect(3, range(50, 62, 3), block)
    arrays = series.arrays()
    again = MotionSeries.from_arrays(arrays)
    assert (again.first, again.size) == (3, (HEIGHT, WIDTH))
    assert np.array_equal(again.velocity, series.velocity)
    del arrays["directions"]
    assert not MotionSeries.from_arrays(arrays).directions.any()
    del arrays["tip"]
    with pytest.raises(EngineInputError, match="lack tip"):
        MotionSeries.from_arrays(arrays)


def test_a_thing_that_the_flow_drags_along_is_no_part_of_a_mover_that_a_mask_shows() -> None:
    """A tray below the fingers, farther from the border than they are, over which a shadow goes."""
    flow, mask = an_arm(60, 3.0)
    tray = np.zeros_like(mask)
    tray[60:110, 50:100] = True
    flow[tray] = (0.0, 0.4)
    told = []
    for labels in ({1: "gripper", 2: "container"}, {}):
        features = MotionFeatures(HEIGHT, WIDTH)
        features.add(flow, {1: mask, 2: tray}, labels)
        told.append(features.series())
    assert np.allclose(told[0].velocity, (0.0, 3.0), atol=0.2)
    assert told[0].tip[0, 1] < 62
    # Where nothing says what the mover is, it is whatever moves.
    assert np.allclose(told[1].velocity, (0.0, 0.4), atol=0.2)
