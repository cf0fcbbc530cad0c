from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import rle
from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, TrackMasks
from enrichment.checks.registry import Finding
from enrichment.errors import EngineInputError
from review import drawing
from tests.enrichment.checks.shots import Flow, Masks, Shot, counted, tracks_of

SIDE = 96


def check(shot: Shot, masks: Masks, *, every: int = 1) -> list[Finding]:
    return flow_vs_segmentation.run(Inputs(tracks_of(shot.truth, masks, every=every), shot.flow, shot.picture))


@pytest.fixture(scope="session")
def lost(shot: Shot) -> list[Finding]:
    """What is found when the mask of the moved block stays behind from the lift on."""
    masks, _ = shot.left_behind(shot.phase("lift").start)
    return check(shot, masks)


@pytest.mark.parametrize("every", [1, 15])
def test_true_masks_on_all_frames_or_on_key_frames_raise_no_flag_in_one_walk(shot: Shot, every: int) -> None:
    asked: list[int] = []
    tracks = tracks_of(shot.truth, shot.masks, every=every)
    assert flow_vs_segmentation.run(Inputs(tracks, counted(shot.flow, asked), shot.picture)) == []
    assert asked == sorted(set(asked))
    assert len(asked) > 90


def test_a_mask_that_stays_behind_at_the_lift_is_the_one_thing_found(shot: Shot, lost: list[Finding]) -> None:
    _, (start, end) = shot.left_behind(shot.phase("lift").start)
    [found] = lost
    assert found.evidence["tracks"] == [shot.moved]
    assert start <= found.start <= shot.phase("lift").end
    assert found.end <= end
    assert found.severity == 3
    assert "moved" in found.reason
    assert "px" in found.reason


def test_a_mask_that_stays_behind_is_found_on_key_frames_too(shot: Shot) -> None:
    """Between key frames something may pass in front unseen, so slight doubts about its neighbours are allowed."""
    masks, _ = shot.left_behind(shot.phase("lift").start)
    found = check(shot, masks, every=15)
    assert [each.evidence["tracks"] for each in found if each.severity > 1] == [[shot.moved]]


def test_a_mask_on_another_thing_is_found_in_the_frame_in_which_it_leaps(shot: Shot) -> None:
    other = shot.truth.with_label("obstacle_rigid")[0].instance
    at = shot.phase("transport").start + 3
    masks, (start, _) = scene.mask_on_wrong_object(shot.masks, moved=shot.moved, start=at, onto=other)
    leaps, lies = check(shot, masks)
    assert (leaps.start, leaps.evidence["tracks"]) == (start, [shot.moved])
    assert (lies.start, lies.evidence["tracks"], lies.evidence["kind"]) == (start, [shot.moved, other], "doubled")


def test_a_person_who_draws_a_pixel_too_wide_or_too_tight_raises_no_flag(shot: Shot) -> None:
    kernel = np.ones((3, 3), np.uint8)
    redraw = (cv2.dilate, cv2.erode)
    masks = [
        {number: redraw[number % 2](mask.astype(np.uint8), kernel) > 0 for number, mask in drawn.items()}
        for drawn in shot.masks
    ]
    assert check(shot, masks) == []


def test_its_evidence_is_plain_json_that_shows_on_the_frame_that_it_begins_with(
    shot: Shot, lost: list[Finding]
) -> None:
    [found] = lost
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    height, width = shot.size
    picture = drawing.evidence(told["evidence"], found.start, height=height, width=width)
    assert picture[..., 3].any()
    kinds = {vector["kind"] for vector in found.evidence["vectors"] if vector["frame"] == found.start}
    assert kinds == {"mask", "flow"}


# What follows is small enough to see: a square on a still ground, its motion written down instead of computed.


def square(x: int, y: int = 30, *, side: int = 24, size: int = SIDE) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    mask[y : y + side, x : x + side] = 1
    return mask


def track(
    masks: dict[int, NDArray[np.uint8]], *, number: int = 1, label: str = "target_object", rigidity: str = "rigid"
) -> TrackMasks:
    return TrackMasks(number, label, rigidity, {frame: rle.encode(mask) for frame, mask in masks.items()})


def moving(x: int, by: float, *, y: int = 30, side: int = 24, size: int = SIDE) -> Flow:
    flow = np.zeros((size, size, 2), np.float32)
    flow[y : y + side, x : x + side, 0] = by
    return flow


def test_a_flow_at_half_the_pictures_size_is_told_in_pixels_of_the_picture() -> None:
    """A square of 48 px that moves 8 px a frame in a picture of 192 px, under a mask that stays."""
    drawn = track({frame: square(40, 60, side=48, size=2 * SIDE) for frame in range(7)})
    [found] = flow_vs_segmentation.run(
        Inputs([drawn], lambda frame: moving(20 + 4 * frame, 4.0) if frame < 6 else None)
    )
    [flow] = [v for v in found.evidence["vectors"] if v["frame"] == 6 and v["kind"] == "flow"]
    assert flow["by"] == pytest.approx([48.0, 0.0], abs=2.0)
    assert flow["at"] == pytest.approx([63.5, 83.5], abs=1.5)
    assert "flow under it says 48 px" in found.reason


UPPER = np.arange(SIDE)[:, None] < 43


def halves(frame: int) -> NDArray[np.uint8]:
    """A square whose upper half goes left while its lower half goes right."""
    return np.where(UPPER, square(36 - 2 * frame), square(36 + 2 * frame)).astype(np.uint8)


def parting(frame: int) -> Flow:
    return np.where(UPPER[..., None], moving(36 - 2 * frame, -2.0), moving(36 + 2 * frame, 2.0)).astype(np.float32)


@pytest.mark.parametrize(
    ("label", "rigidity", "count"),
    [("target_object", "rigid", 1), ("target_object", "deformable", 0), ("human_hand", "rigid", 0)],
)
def test_a_mask_over_two_motions_is_no_rigid_thing_unless_its_label_may_bend(
    label: str, rigidity: str, count: int
) -> None:
    drawn = track({frame: halves(frame) for frame in range(7)}, label=label, rigidity=rigidity)
    found = flow_vs_segmentation.run(Inputs([drawn], parting))
    assert [each.evidence["kind"] for each in found] == ["rigidity"] * count


def test_what_passes_in_front_hides_a_thing_without_a_flag() -> None:
    """Another square slides over the first one; the first one's mask shrinks to what is left to see."""
    front = {frame: square(6 * frame) for frame in range(7)}
    back = {frame: square(40) & (1 - front[frame]) for frame in range(7)}
    tracks = [track(front), track(back, number=2, label="obstacle_rigid")]
    assert flow_vs_segmentation.run(Inputs(tracks, lambda frame: moving(6 * frame, 6.0))) == []


def pattern(x: int, seed: int = 5) -> NDArray[np.uint8]:
    """A square with a pattern of its own on a patterned ground."""
    ground, thing = (np.random.default_rng(n).integers(40, 200, (24, 24), dtype=np.uint8) for n in (seed, seed + 1))
    picture = np.kron(ground, np.ones((4, 4), np.uint8))
    picture[30:54, x : x + 24] = np.kron(thing[:6, :6], np.ones((4, 4), np.uint8))
    return picture


def test_a_flow_that_a_shadow_drags_along_accuses_no_mask() -> None:
    """The flow says that the square leaves; the pictures show it where it was."""
    drawn = track({frame: square(20) for frame in range(7)})

    def dragged(frame: int) -> Flow:
        return moving(20 + 6 * frame, 6.0)

    assert flow_vs_segmentation.run(Inputs([drawn], dragged)) != []
    assert flow_vs_segmentation.run(Inputs([drawn], dragged, lambda frame: pattern(20))) == []


def test_a_thing_that_the_pictures_show_leaving_its_mask_accuses_it() -> None:
    drawn = track({frame: square(20) for frame in range(7)})
    given = Inputs([drawn], lambda frame: moving(20 + 6 * frame, 6.0), lambda frame: pattern(20 + 6 * frame))
    [found] = flow_vs_segmentation.run(given)
    assert found.evidence["kind"] == "displacement"


def test_a_mask_that_comes_out_whole_from_behind_something_without_a_mask_has_not_moved() -> None:
    """Its middle lies elsewhere than that of the sliver that showed before, and the thing is where it was."""
    drawn = track({frame: square(30, 30 + max(0, 14 - 4 * frame), side=24) & square(30) for frame in range(7)})
    assert flow_vs_segmentation.run(Inputs([drawn], lambda frame: moving(30, 0.0))) == []


def test_a_mask_that_slides_off_a_resting_thing_by_half_a_pixel_a_frame_is_found() -> None:
    drawn = track({frame: square(30 + frame // 2) for frame in range(31)})
    [found] = flow_vs_segmentation.run(Inputs([drawn], lambda frame: moving(30, 0.0), lambda frame: pattern(30)))
    assert found.evidence["kind"] == "displacement"
    held = track({frame: square(30) for frame in range(31)})
    assert flow_vs_segmentation.run(Inputs([held], lambda frame: moving(30, 0.0), lambda frame: pattern(30))) == []


def test_a_mask_that_leaps_is_found_where_flow_follows_nothing_unless_its_thing_is_seen_there() -> None:
    """From frame 3 on the mask lies 40 px to the right; then the pictures show the thing going there, too."""
    drawn = track({frame: square(10 if frame < 3 else 50) for frame in range(6)})
    left = Inputs([drawn], lambda frame: None if frame == 2 else moving(10, 0.0), lambda frame: pattern(10))
    [found] = flow_vs_segmentation.run(left)
    assert (found.start, found.evidence["kind"]) == (3, "leap")
    assert "leaps by 40 px" in found.reason
    gone = replace(left, picture=lambda frame: pattern(10 if frame < 3 else 50))
    assert flow_vs_segmentation.run(gone) == []


def test_frames_without_flow_are_not_judged() -> None:
    drawn = track({frame: square(30) for frame in range(7)})
    assert flow_vs_segmentation.run(Inputs([drawn], lambda frame: None)) == []
    holes = Inputs([drawn], lambda frame: moving(30, 5.0) if frame != 3 else None)
    assert flow_vs_segmentation.run(holes) == []


def test_the_table_is_not_asked_to_go_with_what_slides_over_it() -> None:
    table = track({frame: np.ones((SIDE, SIDE), np.uint8) for frame in range(7)}, label="support_surface")
    assert flow_vs_segmentation.run(Inputs([table], lambda frame: moving(6 * frame, 6.0))) == []


def test_a_flow_that_changes_its_size_is_refused_with_both_sizes() -> None:
    drawn = track({frame: square(30) for frame in range(7)})
    sizes = Inputs([drawn], lambda frame: moving(30, 0.0, size=96 if frame < 2 else 48))
    with pytest.raises(EngineInputError, match="96x96 to 48x48"):
        flow_vs_segmentation.run(sizes)
