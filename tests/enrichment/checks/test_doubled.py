"""Two masks on one thing: squares of which one goes over to where the other lies."""

from __future__ import annotations

import pytest

from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, Thresholds, TrackMasks, Walk
from enrichment.checks.registry import Finding
from tests.enrichment.checks.test_flow_vs_segmentation import moving, square, track


def found(*tracks: TrackMasks) -> list[Finding]:
    return flow_vs_segmentation.run(Inputs(tracks, lambda _: moving(0, 0.0)))


@pytest.mark.parametrize("every", [1, 10])
def test_a_track_that_goes_over_to_anothers_thing_is_named_first(every: int) -> None:
    stays = track({frame: square(60) for frame in range(0, 41, every)}, number=1, label="obstacle_rigid")
    frames = range(0, 41, every)
    goes = track({frame: square(6) if frame < 20 else square(61) for frame in frames}, number=2)
    [only] = [each for each in found(stays, goes) if each.evidence["kind"] == "doubled"]
    assert (only.start, only.end, only.severity) == (20, 41, 3)
    assert only.evidence["tracks"] == [2, 1]
    assert "lie on each other" in only.reason


def test_both_masks_are_drawn() -> None:
    stays, goes = (track({frame: square(left) for frame in range(7)}, number=left) for left in (60, 61))
    [only] = found(stays, goes)
    first = [each for each in only.evidence["masks"] if each["frame"] == 0]
    assert [each["counts"] for each in first] == [each.masks[0]["counts"] for each in (stays, goes)]


def test_a_walk_leaves_the_stretches_of_a_pair_and_not_each_frame() -> None:
    tracks = [track({frame: square(left) for frame in range(100)}, number=left) for left in (60, 61)]
    walk = Walk(Inputs(tracks, lambda _: moving(0, 0.0)), Thresholds())
    assert [(each.start, each.end) for each in walk.over()] == [(0, 100)]


def test_what_lies_in_a_container_or_on_the_table_is_not_on_its_thing() -> None:
    inside = track({frame: square(30, 34, side=14) for frame in range(7)}, number=1)
    around = track({frame: square(20, 24, side=40) for frame in range(7)}, number=2, label="container")
    table = track({frame: square(30, 34, side=14) for frame in range(7)}, number=3, label="support_surface")
    assert found(inside, around, table) == []


def test_a_thing_half_hidden_by_another_is_not_on_it() -> None:
    front = track({frame: square(30) for frame in range(7)}, number=1)
    back = track({frame: square(42) for frame in range(7)}, number=2, label="obstacle_rigid")
    assert found(front, back) == []
