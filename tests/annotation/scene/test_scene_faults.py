"""Planted faults are where they say they are, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest

from annotation.scene import (
    SceneSpec,
    describe,
    grasp_label_late,
    lift_label_on_descent,
    mask_on_wrong_object,
    mask_that_creeps,
    mask_too_wide,
    wrist_that_jumps,
    wrist_that_trembles,
)


def masks_of_a_block_that_moves_right() -> list[dict[int, np.ndarray]]:
    """Six frames of 6x8 pixels: block 2 moves one pixel per frame from the third on, block 3 stands still."""
    frames = []
    for index in range(6):
        moving, still = np.zeros((6, 8), dtype=bool), np.zeros((6, 8), dtype=bool)
        left = max(0, index - 2)
        moving[1:3, left : left + 2] = True
        still[4:6, 5:7] = True
        frames.append({2: moving, 3: still})
    return frames


def test_a_mask_on_the_wrong_object_lies_exactly_on_that_object() -> None:
    masks = masks_of_a_block_that_moves_right()
    faulted, (start, end) = mask_on_wrong_object(masks, moved=2, onto=3, start=4)
    assert (start, end) == (4, 6)
    for index in range(4):
        assert np.array_equal(faulted[index][2], masks[index][2])
    for index in (4, 5):
        assert np.array_equal(faulted[index][2], masks[index][3])
        assert np.array_equal(faulted[index][3], masks[index][3])
    assert masks[4][2][1, 2], "the truth itself is untouched"


def test_a_mask_that_stays_behind_is_wrong_from_the_frame_in_which_its_object_leaves() -> None:
    masks = masks_of_a_block_that_moves_right()
    faulted, span = mask_on_wrong_object(masks, moved=2, start=1)
    assert span == (3, 6)
    assert np.array_equal(faulted[5][2], masks[1][2])


def test_a_mask_cannot_stay_behind_an_object_that_does_not_move() -> None:
    with pytest.raises(ValueError, match="never leaves its place"):
        mask_on_wrong_object(masks_of_a_block_that_moves_right(), moved=3, start=1)


def test_a_mask_fault_needs_a_frame_and_an_object_that_exist() -> None:
    masks = masks_of_a_block_that_moves_right()
    with pytest.raises(ValueError, match="not one of the 6 frames"):
        mask_on_wrong_object(masks, moved=2, onto=3, start=6)
    with pytest.raises(ValueError, match="Instance 9 has no mask"):
        mask_on_wrong_object(masks, moved=9, onto=3, start=2)


def test_a_mask_that_creeps_lies_one_step_farther_off_in_every_frame() -> None:
    masks = masks_of_a_block_that_moves_right()
    faulted, (start, end) = mask_that_creeps(masks, moved=3, start=1, per_frame=(-1.0, 0.0))
    assert (start, end) == (2, 6)
    assert [int(np.nonzero(frame[3])[1].min()) for frame in faulted] == [5, 5, 4, 3, 2, 1]
    assert np.array_equal(faulted[5][2], masks[5][2])
    with pytest.raises(ValueError, match="moves no mask"):
        mask_that_creeps(masks, moved=3, start=1, per_frame=(0.0, 0.0))


def test_a_mask_too_wide_covers_its_thing_and_what_is_around_it_in_its_frames_only() -> None:
    masks = masks_of_a_block_that_moves_right()
    faulted, (start, end) = mask_too_wide(masks, moved=3, start=2, end=4, share=0.5)
    assert (start, end) == (2, 4)
    assert [int(frame[3].sum()) for frame in faulted] == [4, 4, 12, 12, 4, 4]
    with pytest.raises(ValueError, match="Instance 9 has no mask"):
        mask_too_wide(masks, moved=9, start=2, end=4)


def test_a_wrist_trembles_in_its_frames_only() -> None:
    path = describe(SceneSpec(seed=1)).gripper_position
    faulted, (start, end) = wrist_that_trembles(path, start=40, frames=20)
    away = np.linalg.norm(faulted - path, axis=1)
    assert (start, end) == (40, 60)
    assert (away[40:60] > 0).all()
    assert not np.delete(away, range(40, 60)).any()


def test_a_lift_on_the_way_down_is_the_pre_grasp_under_another_name() -> None:
    truth = describe(SceneSpec(seed=1))
    k = [s.phase for s in truth.segments].index("pre-grasp")
    faulted, span = lift_label_on_descent(truth.segments)
    assert faulted[k].phase == "lift"
    assert span == (truth.segments[k].start, truth.segments[k].end)
    assert faulted[k + 1 :] == truth.segments[k + 1 :]


def test_a_wrist_jumps_more_than_thirty_centimetres_in_its_frames_only() -> None:
    truth = describe(SceneSpec(seed=1))
    faulted, (start, end) = wrist_that_jumps(truth.gripper_position, at=60, frames=2)
    away = np.linalg.norm(faulted - truth.gripper_position, axis=1)
    assert (start, end) == (60, 62)
    assert (away[60:62] > 0.3).all()
    assert not np.delete(away, [60, 61]).any()
    steps = np.linalg.norm(np.diff(faulted, axis=0), axis=1)
    assert set(np.flatnonzero(steps > 0.25)) == {59, 61}
    with pytest.raises(ValueError, match="choose a range inside"):
        wrist_that_jumps(truth.gripper_position, at=149, frames=2)


@pytest.mark.parametrize("frames", [120, 150, 210])
def test_a_late_grasp_is_half_a_second_late_and_leaves_no_gap(frames: int) -> None:
    truth = describe(SceneSpec(seed=1, frames=frames))
    k = [s.phase for s in truth.segments].index("grasp")
    faulted, (start, end) = grasp_label_late(truth.segments, fps=30.0)
    assert faulted[k].start - truth.segments[k].start == 15
    assert faulted[k].end - truth.segments[k].end == 15
    assert (start, end) == (truth.segments[k].start, faulted[k].end)
    assert all(a.end == b.start for a, b in pairwise(faulted))
    assert all(s.end > s.start for s in faulted)
    assert faulted[: k - 1] == truth.segments[: k - 1]
    assert faulted[-2:] == truth.segments[-2:], "what comes much later is as it was"


def test_a_clip_too_short_for_a_late_grasp_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        grasp_label_late(describe(SceneSpec(seed=1, frames=16)).segments, fps=30.0)


def test_there_must_be_a_grasp_to_be_late() -> None:
    truth = describe(SceneSpec(seed=1))
    with pytest.raises(ValueError, match="no grasp"):
        grasp_label_late(truth.tasks, fps=30.0)
