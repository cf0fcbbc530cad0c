"""Masks that the flow accuses while the pictures show their thing under them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs
from enrichment.checks.witnesses import Witnesses
from tests.enrichment.checks.test_flow_vs_segmentation import SIDE, UPPER, Flow, moving, pattern, square, track

NOTHING = np.zeros((SIDE, SIDE), np.bool_)


def drifted(frame: int) -> int:
    """How far a slow sway has taken the whole picture."""
    return 3 * frame // 10


def coarse(shift: int) -> NDArray[np.uint8]:
    """A picture so coarse that it looks the same a pixel or two farther on."""
    cells = np.random.default_rng(3).integers(30, 220, (12, 12), dtype=np.uint8)
    smooth = cv2.GaussianBlur(np.kron(cells, np.ones((8, 8), np.uint8)), (0, 0), 2)
    return np.roll(smooth, shift, axis=1).astype(np.uint8)


def test_a_sway_that_the_flow_does_not_see_accuses_no_mask_that_goes_along() -> None:
    drawn = track({frame: square(30 + drifted(frame)) for frame in range(31)})

    def still(_: int) -> Flow:
        return moving(30, 0.0)

    swaying = Inputs([drawn], still, lambda frame: coarse(drifted(frame)))
    assert flow_vs_segmentation.run(swaying) == []
    [found] = flow_vs_segmentation.run(Inputs([drawn], still, lambda _: coarse(0)))
    assert found.evidence["kind"] == "displacement"


def dragged(_: int) -> Flow:
    """The upper half goes on by a stripe's width in six frames."""
    return np.where(UPPER[..., None], moving(30, 4 / 6), 0.0).astype(np.float32)


def half_striped(_: int) -> NDArray[np.uint8]:
    """A square at rest whose upper half looks like itself a stripe's width further on."""
    stripes = np.tile(np.repeat(np.array([60, 180], np.uint8), 2), SIDE // 4)[None, :]
    return np.where(UPPER & (square(30) > 0), stripes, pattern(30)).astype(np.uint8)


def test_a_half_that_the_flow_drags_along_makes_no_two_things_of_one() -> None:
    drawn = track({frame: square(30) for frame in range(7)})
    assert flow_vs_segmentation.run(Inputs([drawn], dragged, half_striped)) == []


@pytest.mark.parametrize(
    ("way", "instead_of", "borne_out"),
    [((8, 0), (0, 0), True), ((0, 0), (8, 0), False), ((8, 0), None, True), ((0, 0), None, False)],
)
def test_what_was_seen_speaks_for_the_way_that_it_went(
    way: tuple[int, int], instead_of: tuple[int, int] | None, borne_out: bool
) -> None:
    began, later = (pattern(x).astype(np.float32) for x in (30, 38))
    other = None if instead_of is None else np.array(instead_of, np.float64)
    told = Witnesses(square(30) > 0, NOTHING, began).bear_out(
        square(30 + way[0]) > 0, later, NOTHING, np.array(way, np.float64), other
    )
    assert told is borne_out


def test_even_ground_and_what_is_covered_bear_nothing_out() -> None:
    grey, way, mask = np.full((SIDE, SIDE), 90, np.float32), np.zeros(2), square(30) > 0
    assert not Witnesses(mask, NOTHING, grey).bear_out(mask, grey, NOTHING, way)
    seen = pattern(30).astype(np.float32)
    assert Witnesses(mask, NOTHING, seen).bear_out(mask, seen, NOTHING, way)
    assert not Witnesses(mask, NOTHING, seen).bear_out(mask, seen, ~NOTHING, way)
    assert not Witnesses(mask, ~NOTHING, seen).bear_out(mask, seen, NOTHING, way)


def test_a_thing_that_something_without_a_mask_uncovers_has_stayed() -> None:
    """Its left quarter was hidden: the middle of its mask goes left by an eighth of its width, and it does not."""
    seen, hidden = pattern(30), pattern(30)
    hidden[:, :36] = 90
    whole, part = square(30) > 0, square(30) > 0
    part[:, :36] = False
    told = Witnesses(part, NOTHING, hidden.astype(np.float32))
    middle, flow = np.array((-3.0, 0.0)), np.array((-9.0, 0.0))
    assert told.bear_out(whole, seen.astype(np.float32), NOTHING, middle, flow)
    assert not told.bear_out(np.roll(whole, 12, axis=1), seen.astype(np.float32), NOTHING, middle, flow)


def test_a_thing_that_is_uncovered_while_the_camera_sways_has_gone_as_its_free_side() -> None:
    """Its left quarter was hidden, and all goes 6 pixels to the right: its middle goes 3, its right side tells."""
    hidden, later = pattern(30), pattern(36)
    hidden[:, :36] = 90
    whole, part = square(36) > 0, square(30) > 0
    part[:, :36] = False
    told = Witnesses(part, NOTHING, hidden.astype(np.float32))
    middle, flow = np.array((3.0, 0.0)), np.array((14.0, 0.0))
    assert told.bear_out(whole, later.astype(np.float32), NOTHING, middle, flow)
    # The same mask, when the thing has gone to the left, is borne out by neither side.
    assert not told.bear_out(whole, pattern(22).astype(np.float32), NOTHING, middle, flow)


def test_a_mask_that_has_stayed_on_what_looks_alike_farther_on_is_not_given_to_the_flow() -> None:
    """Stripes look the same a stripe's width farther on: where the mask has stayed, it is the flow that proves less."""
    stripes = np.tile(np.repeat(np.array([60, 180], np.float32), 4), SIDE // 8)[None, :].repeat(SIDE, axis=0)
    part = square(30, 36) > 0
    whole, told = square(30, 30, side=30) > 0, Witnesses(part, NOTHING, stripes)
    middle, flow = np.array((3.0, -3.0)), np.array((-8.0, 0.0))
    assert told.bear_out(whole, stripes, NOTHING, middle, flow)
    assert not told.bear_out(np.roll(whole, 16, axis=1), stripes, NOTHING, np.array((16.0, 0.0)), flow)


@pytest.mark.parametrize(
    ("spoilt", "instead_of", "borne_out"), [(0.35, (8, 0), True), (0.35, None, False), (0.7, (8, 0), False)]
)
def test_a_mask_that_has_stayed_is_borne_out_by_the_larger_half_of_what_it_shows_against_the_flow(
    spoilt: float, instead_of: tuple[int, int] | None, borne_out: bool
) -> None:
    """A shadow's edge over its lower part changes what shows there, and drags the flow along."""
    mask, seen = square(30) > 0, pattern(30).astype(np.float32)
    rows = np.flatnonzero(mask.any(axis=1))
    later = seen.copy()
    edge = rows[0] + round((1 - spoilt) * len(rows))
    later[edge:] = 255 - seen[edge:]
    other = None if instead_of is None else np.array(instead_of, np.float64)
    told = Witnesses(mask, NOTHING, seen).bear_out(mask, later, NOTHING, np.zeros(2), other)
    assert told is borne_out
