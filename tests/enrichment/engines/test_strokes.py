"""Change points and strokes on series small enough to see."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from enrichment.engines import motion_actions
from enrichment.engines.change_points import change_points
from enrichment.engines.motion_features import MotionSeries
from enrichment.engines.strokes import contact, strokes
from tests.enrichment.paced import pick_and_place

FPS = 30.0


def steps(*levels: tuple[int, float], noise: float = 0.05) -> np.ndarray:
    clean = np.concatenate([np.full(length, level) for length, level in levels])[:, None]
    return clean + np.random.default_rng(1).normal(0.0, noise, clean.shape)


def cost(features: np.ndarray, bounds: list[int], price: float) -> float:
    return sum(
        float(((features[a:b] - features[a:b].mean(axis=0)) ** 2).sum()) + price for a, b in itertools.pairwise(bounds)
    )


def test_a_series_is_cut_where_its_mean_changes() -> None:
    features = steps((10, 0.0), (12, 1.0), (8, -0.5))
    assert change_points(features, price=0.5, shortest=3, longest=30) == [0, 10, 22, 30]


def test_no_other_cut_costs_less() -> None:
    features = steps((4, 0.0), (3, 0.4), (4, 0.1), noise=0.2)
    found = change_points(features, price=0.1, shortest=2, longest=11)
    others = [
        [0, *inner, 11]
        for count in range(5)
        for inner in itertools.combinations(range(1, 11), count)
        if all(b - a >= 2 for a, b in itertools.pairwise([0, *inner, 11]))
    ]
    assert cost(features, found, 0.1) == pytest.approx(min(cost(features, each, 0.1) for each in others))


def test_nothing_changes_in_a_constant_short_or_empty_series() -> None:
    assert change_points(np.ones((20, 2)), price=0.1, shortest=3, longest=20) == [0, 20]
    assert change_points(np.array([[0.0], [9.0]]), price=0.1, shortest=3, longest=20) == [0, 2]
    assert change_points(np.zeros((0, 1)), price=0.1, shortest=3, longest=20) == [0]


def test_a_stretch_is_no_longer_than_it_may_be() -> None:
    assert max(np.diff(change_points(np.ones((50, 1)), price=0.1, shortest=3, longest=20))) <= 20


def a_push() -> MotionSeries:
    """A hand comes from the left for 20 frames, pushes a block along for 20 more, rests for 10, and draws back."""
    velocity = np.concatenate(
        [np.tile(each, (n, 1)) for n, each in ((20, (6, 0)), (20, (5, 0)), (10, (0, 0)), (20, (-6, 0)))]
    )
    tip = np.cumsum(velocity, axis=0) + np.array([20, 100])
    block = np.tile((150.0, 104.0), (70, 1))
    block[20:40] += np.cumsum(np.tile((5.0, 0.0), (20, 1)), axis=0)
    block[40:] = block[39]
    far = np.tile((600.0, 400.0), (70, 1))
    return MotionSeries(
        0,
        np.ones(70, np.float32),
        velocity.astype(np.float32),
        tip.astype(np.float32),
        np.array([7, 8]),
        np.stack([block, far]).astype(np.float32),
        (480, 640),
        (0.05 * np.column_stack([np.clip(velocity, 0, None), np.clip(-velocity, 0, None)])[:, [0, 2, 1, 3]]).astype(
            "f4"
        ),
    )


def test_what_moves_along_with_the_hand_is_in_contact_and_what_lies_elsewhere_is_not() -> None:
    series = a_push()
    held = contact(series, series.velocity.astype(np.float64), 6.0, FPS)
    assert held[24:36].min() > 0.9
    assert max(held[:15].max(), held[46:].max()) < 0.1


def test_a_push_is_an_approach_a_transport_and_a_release() -> None:
    series = a_push()
    velocity = series.velocity.astype(np.float64)
    held = contact(series, velocity, 6.0, FPS)
    found = strokes(velocity, held, series.directions, 6.0, FPS, shortest=0.12, rest=0.15)
    assert [each.phase for each in found] == ["approach", "transport", "release", "approach"]
    assert [each.start for each in found] == pytest.approx([0, 20, 40, 50], abs=2)
    assert all(0.0 < each.confidence < 0.6 for each in found)


def test_a_second_hand_that_moves_while_the_first_rests_is_a_boundary() -> None:
    series = a_push()
    directions = series.directions.copy()
    directions[:] = 0.1
    directions[30:, 3] = 0.4
    velocity, held = np.tile((6.0, 0.0), (70, 1)), np.zeros(70)
    found = strokes(velocity, held, directions, 6.0, FPS, shortest=0.12, rest=0.15)
    assert [(each.start, each.end) for each in found] == [(0, 30), (30, 70)]


def test_noise_alone_is_one_stroke() -> None:
    noise = 0.3 + 0.05 * np.random.default_rng(3).random((200, 4))
    found = strokes(np.tile((6.0, 0.0), (200, 1)), np.zeros(200), noise, 6.0, FPS, shortest=0.12, rest=0.15)
    assert len(found) <= 2  # the longest stroke is six seconds


def test_motion_without_a_known_pattern_is_proposed_with_its_strokes() -> None:
    found = motion_actions.propose(a_push(), FPS)
    tasks = [each for each in found if each.level == "task"]
    inside = [each for each in found if each.level == "primitive"]
    assert {each.action_class for each in found} == {""}
    assert [each.phase for each in inside][:2] == ["approach", "transport"]
    assert all(any(task.start <= each.start and each.end <= task.end for task in tasks) for each in inside)
    assert all(len(set(each.descriptions)) == 3 for each in found)
    assert tasks[0].target == 7


def a_pick_and_place(*, carries: bool) -> MotionSeries:
    """A hand goes to a block, down, rests, up, sideways, down, rests; the block goes along, or stays where it is."""
    parts = [(15, (6, 0)), (10, (0, 5)), (8, (0, 0)), (10, (0, -5)), (15, (6, 0)), (10, (0, 5)), (12, (0, 0))]
    velocity = np.concatenate([np.tile(each, (n, 1)) for n, each in parts]).astype(np.float64)
    tip = np.cumsum(velocity, axis=0) + np.array([100, 200])
    block = np.tile(tip[33], (80, 1))
    if carries:
        block[33:68] = tip[33:68]
        block[68:] = tip[67]
    ways = 0.05 * np.column_stack([np.clip(velocity, 0, None), np.clip(-velocity, 0, None)])[:, [0, 2, 1, 3]]
    singles = [np.ones(80), velocity, tip]
    energy, velocity, tip = (each.astype(np.float32) for each in singles)
    centres = block[None].astype(np.float32)
    return MotionSeries(0, energy, velocity, tip, np.array([7]), centres, (480, 640), ways.astype(np.float32))


def test_where_nothing_moves_along_nothing_was_picked_up() -> None:
    with_block, without = (motion_actions.propose(a_pick_and_place(carries=c), FPS) for c in (True, False))
    assert [each.phase for each in with_block if each.level == "primitive"] == list(motion_actions.PHASES)
    assert {each.action_class for each in without} == {""}
    assert "transport" not in {each.phase for each in without}


@pytest.mark.parametrize("fps", [12, 30, 60, 120])
def test_what_is_too_slow_to_be_a_stroke_does_not_hang_on_the_frame_rate(fps: float) -> None:
    assert motion_actions.propose(pick_and_place(fps, 60.0), fps)
    assert motion_actions.propose(pick_and_place(fps, 30.0), fps) == []
