from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import rle
from enrichment.checks import depth_vs_segmentation
from enrichment.checks.depth_vs_segmentation import Inputs, Thresholds
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding

HEIGHT, WIDTH = 60, 80


def square(top: int, left: int, side: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def track(mask: NDArray[np.bool_], label: str = "target_object", rigidity: str = "rigid") -> TrackMasks:
    return TrackMasks(4, label, rigidity, {frame: rle.encode(mask) for frame in range(6)})


def found(depth: NDArray[np.float32], *tracks: TrackMasks) -> list[Finding]:
    return depth_vs_segmentation.run(Inputs(tracks, lambda _: depth))


def a_table_and_a_box(box_at: float, table_at: float) -> NDArray[np.float32]:
    depth = np.full((HEIGHT, WIDTH), table_at, np.float32)
    depth[10:40, 10:40] = box_at
    return depth


def test_a_mask_on_one_thing_is_left_alone() -> None:
    assert found(a_table_and_a_box(1.0, 1.8), track(square(10, 10, 30))) == []


def test_a_mask_across_half_a_metre_is_surely_over_two_things() -> None:
    (only,) = found(a_table_and_a_box(1.0, 1.8), track(square(10, 10, 45)))
    assert (only.start, only.end, only.severity) == (0, 6, 3)
    assert only.evidence["kind"] == "two_depths"
    assert "80 cm behind the rest" in only.reason
    behind = rle.decode({"size": [HEIGHT, WIDTH], "counts": only.evidence["masks"][0]["counts"]})
    assert behind[50, 50]
    assert not behind[20, 20]


def test_a_depth_edge_through_a_mask_is_doubted() -> None:
    (only,) = found(a_table_and_a_box(1.0, 1.25), track(square(10, 10, 45)))
    assert (only.severity, only.evidence["kind"]) == (2, "depth_edge")


def test_a_thing_that_reaches_into_depth_is_one_thing() -> None:
    slope = np.linspace(0.8, 2.4, WIDTH, dtype=np.float32)[None].repeat(HEIGHT, 0)
    assert found(slope, track(square(5, 5, 50))) == []


@pytest.mark.parametrize("rigidity", ["transparent", "reflective", "thin"])
def test_what_shows_another_things_depth_is_exempt(rigidity: str) -> None:
    assert found(a_table_and_a_box(1.0, 1.8), track(square(10, 10, 45), rigidity=rigidity)) == []


def test_an_arm_may_reach_over_itself_but_not_across_half_a_metre() -> None:
    near, far = a_table_and_a_box(1.0, 1.3), a_table_and_a_box(1.0, 1.9)
    arm = track(square(10, 10, 45), label="robot_arm")
    assert found(near, arm) == []
    assert len(found(far, arm)) == 1


def test_an_arm_in_two_pieces_at_two_depths_is_one_arm_that_leaves_the_picture() -> None:
    depth = a_table_and_a_box(1.0, 1.9)
    pieces = square(12, 12, 25) | square(12, 50, 25)
    assert found(depth, track(pieces, label="robot_arm")) == []
    assert len(found(depth, track(pieces))) == 1


def test_an_arm_whose_base_shows_behind_it_is_one_arm_where_both_leave_the_picture() -> None:
    depth = np.full((HEIGHT, WIDTH), 1.6, np.float32)
    depth[:45, 20:40] = 1.0
    arm = np.zeros((HEIGHT, WIDTH), bool)
    arm[:45, 20:60] = True
    assert found(depth, track(arm, label="robot_arm")) == []
    arm[:12, 40:60] = False  # what lies behind ends in the picture
    assert len(found(depth, track(arm, label="robot_arm"))) == 1


@pytest.mark.parametrize("frames", [1, 20, 21])
def test_a_fault_up_to_the_end_ends_with_the_masks(frames: int) -> None:
    drawn = dict.fromkeys(range(frames), rle.encode(square(10, 10, 45)))
    (only,) = found(a_table_and_a_box(1.0, 1.8), TrackMasks(4, "target_object", "rigid", drawn))
    assert (only.start, only.end) == (0, frames)


def test_tracks_with_key_frames_of_their_own_are_all_looked_at() -> None:
    right = TrackMasks(1, "container", "rigid", dict.fromkeys((0, 10, 20), rle.encode(square(10, 10, 30))))
    wrong = TrackMasks(2, "target_object", "rigid", dict.fromkeys((1, 11, 21), rle.encode(square(10, 10, 45))))
    (only,) = found(a_table_and_a_box(1.0, 1.8), right, wrong)
    assert only.evidence["tracks"] == [2]


@pytest.mark.parametrize("scale", [4, 9, 18])
def test_a_fault_and_a_careless_outline_are_told_apart_at_any_size(scale: int) -> None:
    """Half over each of two depths; or drawn too large by a fiftieth of the picture's height."""
    height, width = 60 * scale, 80 * scale
    depth = np.full((height, width), 1.7, np.float32)
    depth[10 * scale : 40 * scale, 10 * scale : 40 * scale] = 1.0
    half, careless = np.zeros((2, height, width), bool)
    half[20 * scale : 26 * scale, 37 * scale : 43 * scale] = True
    loose = round(height / 50) if scale > 8 else 3
    careless[10 * scale - loose : 40 * scale + loose, 10 * scale - loose : 40 * scale + loose] = True
    assert len(found(depth, track(half))) == 1
    assert found(depth, track(careless)) == []


def test_where_depth_is_unknown_nothing_is_said() -> None:
    depth = a_table_and_a_box(1.0, 1.8)
    depth[:, 12:] = 0
    assert found(depth, track(square(10, 10, 45))) == []


def test_depth_of_another_size_is_compared_all_the_same() -> None:
    depth = a_table_and_a_box(1.0, 1.8).repeat(2, 0).repeat(2, 1)
    assert len(found(depth, track(square(10, 10, 45)))) == 1


def test_a_project_may_set_the_gap() -> None:
    inputs = Inputs([track(square(10, 10, 45), label="robot_arm")], lambda _: a_table_and_a_box(1.0, 1.3))
    assert len(depth_vs_segmentation.run(inputs, Thresholds(gap=0.2))) == 1


@pytest.mark.parametrize("seed", [100, 101])
def test_a_clean_scene_raises_nothing_and_a_planted_mask_is_found(seed: int) -> None:
    spec = scene.SceneSpec(seed=seed, frames=30, width=320, height=240)
    truth = scene.describe(spec)
    labels = {each.instance: each.label for each in truth.objects}
    frames = [(n, frame) for n, frame in enumerate(scene.render(spec)) if n % 6 == 0]
    depths = {n: frame.depth.astype(np.float32) for n, frame in frames}
    tracks = []
    for instance, label in labels.items():
        masks = {n: frame.instances == instance for n, frame in frames}
        drawn = {n: rle.encode(mask) for n, mask in masks.items() if mask.sum() > 40}
        if instance and drawn:
            tracks.append(TrackMasks(instance, label, "rigid", drawn))
    assert depth_vs_segmentation.run(Inputs(tracks, depths.get)) == []
    block = truth.with_label("target_object")[0].instance
    shown = {n: (frame.instances == block).astype(np.uint8) for n, frame in frames}
    too_wide = {n: cv2.dilate(mask, np.ones((41, 41), np.uint8)) for n, mask in shown.items() if mask.sum() > 200}
    planted = TrackMasks(block, "target_object", "rigid", {n: rle.encode(mask) for n, mask in too_wide.items()})
    assert depth_vs_segmentation.run(Inputs([planted], depths.get))
