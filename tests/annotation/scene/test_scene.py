"""The demo scene is consistent with itself: depth, instances, flow, poses and phases tell one story."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from annotation.scene import PHASES, SceneFrame, SceneSpec, SceneTruth, describe, render

SMALL = SceneSpec(seed=3, frames=24, width=160, height=120, objects=3)
SWAYING = SceneSpec(seed=5, frames=16, width=128, height=96, objects=2, camera_motion=0.03)


@pytest.fixture(scope="module")
def frames() -> list[SceneFrame]:
    return list(render(SMALL))


@pytest.fixture(scope="module")
def swaying() -> list[SceneFrame]:
    return list(render(SWAYING))


@pytest.fixture(scope="module")
def truth() -> SceneTruth:
    return describe(SMALL)


def target_of(truth: SceneTruth) -> int:
    return truth.with_label("target_object")[0].instance


def landing(frame: SceneFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, to the nearest pixel, where the flow takes each valid pixel."""
    rows, columns = np.nonzero(frame.flow_valid)
    moved = frame.flow[rows, columns]
    return np.rint(rows + moved[:, 1]).astype(int), np.rint(columns + moved[:, 0]).astype(int)


def world_points(truth: SceneTruth, frame: SceneFrame) -> np.ndarray:
    """(height, width, 3) world points of every pixel, from depth, intrinsics and camera alone."""
    fx, fy, cx, cy = truth.intrinsics
    rows, columns = np.mgrid[: frame.depth.shape[0], : frame.depth.shape[1]]
    seen = np.stack([(columns - cx) / fx, (rows - cy) / fy, np.ones_like(frame.depth)], -1) * frame.depth[..., None]
    camera = truth.world_to_camera[frame.index]
    points: np.ndarray = (seen - camera[:3, 3]) @ camera[:3, :3]
    return points


def test_frames_have_the_promised_shapes(frames: Sequence[SceneFrame]) -> None:
    assert [f.index for f in frames] == list(range(24))
    first = frames[0]
    assert first.image.shape == (120, 160, 3)
    assert first.image.dtype == np.uint8
    assert first.depth.shape == (120, 160)
    assert first.depth.dtype == np.float32
    assert first.instances.dtype == np.uint8
    assert first.flow.shape == (120, 160, 2)
    assert first.flow.dtype == np.float32
    assert first.flow_valid.dtype == np.bool_
    assert frames[-1].time == pytest.approx(23 / 30)
    assert not frames[-1].flow.any()
    assert not frames[-1].flow_valid.any()


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(frames: Sequence[SceneFrame]) -> None:
    again = next(render(SMALL))
    other = next(render(SceneSpec(seed=4, frames=24, width=160, height=120, objects=3)))
    assert np.array_equal(again.image, frames[0].image)
    assert np.array_equal(again.flow, frames[0].flow)
    assert np.abs(other.image.astype(int) - frames[0].image).mean() > 5


def test_every_listed_object_is_seen_and_nothing_else(frames: Sequence[SceneFrame], truth: SceneTruth) -> None:
    seen = set(np.unique([f.instances for f in frames]).tolist())
    assert seen == {thing.instance for thing in truth.objects}
    labels = [thing.label for thing in truth.objects]
    assert labels.count("target_object") == 1
    assert labels.count("obstacle_rigid") == 2
    assert {"background", "support_surface", "container", "robot_arm", "gripper"} <= set(labels)


def test_depth_puts_the_table_at_height_zero_and_the_blocks_inside_their_boxes(
    swaying: Sequence[SceneFrame],
) -> None:
    truth = describe(SWAYING)
    for frame in swaying[::5]:
        points = world_points(truth, frame)
        assert np.abs(points[frame.instances == 1][:, 2]).max() < 1e-4
        for instance, poses in truth.object_poses.items():
            here = points[frame.instances == instance]
            local = (here - poses[frame.index, :3, 3]) @ poses[frame.index, :3, :3]
            assert np.abs(local).max(initial=0) < 0.0365, "larger than the largest block"


def test_flow_leads_to_the_same_object_at_the_right_depth(
    frames: Sequence[SceneFrame], swaying: Sequence[SceneFrame]
) -> None:
    for clip in (frames, swaying):
        for now, after in pairwise(clip):
            rows, columns = landing(now)
            assert np.array_equal(after.instances[rows, columns], now.instances[now.flow_valid])
            assert now.flow_valid.mean() > 0.8


def test_flow_matches_the_blocks_rigid_motion_projected_independently(
    frames: Sequence[SceneFrame], truth: SceneTruth
) -> None:
    target, checked = target_of(truth), 0
    poses = truth.object_poses[target]
    fx, fy, cx, cy = truth.intrinsics
    for frame in frames[:-1]:
        mask = frame.instances == target
        points = world_points(truth, frame)[mask]
        now, after = poses[frame.index], poses[frame.index + 1]
        moved = (points - now[:3, 3]) @ now[:3, :3] @ after[:3, :3].T + after[:3, 3]
        camera = truth.world_to_camera[frame.index + 1]
        seen = moved @ camera[:3, :3].T + camera[:3, 3]
        rows, columns = np.nonzero(mask)
        expected = np.stack([fx * seen[:, 0] / seen[:, 2] + cx - columns, fy * seen[:, 1] / seen[:, 2] + cy - rows], -1)
        assert np.abs(frame.flow[mask] - expected).max(initial=0) < 2e-3
        checked += int(mask.sum()) if np.abs(expected).max(initial=0) > 1 else 0
    assert checked > 100, "the block moved under view, so the comparison meant something"


def test_flow_is_zero_on_what_stands_still_under_a_still_camera_and_not_under_a_swaying_one(
    frames: Sequence[SceneFrame], swaying: Sequence[SceneFrame]
) -> None:
    assert all(not f.flow[f.instances <= 1].any() for f in frames)
    assert np.abs(swaying[4].flow[swaying[4].instances <= 1]).max() > 0.05


def test_a_pixel_about_to_be_covered_is_not_valid(frames: Sequence[SceneFrame]) -> None:
    covered = 0
    for now, after in pairwise(frames):
        lost = (now.instances == 1) & (after.instances != 1)
        assert not now.flow_valid[lost].any()
        covered += int(lost.sum())
    assert covered > 100


def test_flow_explains_the_pictures() -> None:
    spec = SceneSpec(seed=2, frames=120, width=320, height=240, noise=0.0, camera_motion=0.05)
    clip = render(spec)
    pair = [next(clip), next(clip)]
    x, y = np.meshgrid(np.arange(320, dtype=np.float32), np.arange(240, dtype=np.float32))
    after = pair[1].image.astype(np.float32)
    warped = cv2.remap(after, x + pair[0].flow[..., 0], y + pair[0].flow[..., 1], cv2.INTER_LINEAR)
    valid = pair[0].flow_valid
    aligned = np.abs(warped - pair[0].image)[valid].mean()
    unaligned = np.abs(after - pair[0].image)[valid].mean()
    assert aligned < 0.3 * unaligned


@pytest.mark.parametrize("seed", range(12))
def test_phases_follow_each_other_and_match_what_the_gripper_does(seed: int) -> None:
    truth = describe(SceneSpec(seed=seed))
    target = truth.object_poses[target_of(truth)]
    assert [s.phase for s in truth.segments] == list(PHASES)
    assert all(a.end == b.start for a, b in pairwise(truth.segments))
    assert (truth.tasks[0].start, truth.tasks[0].end) == (truth.segments[0].start, truth.segments[-1].end)
    span = {s.phase: slice(s.start, s.end) for s in truth.segments}
    opening, position = truth.gripper_opening, truth.gripper_position
    assert (np.diff(opening[span["grasp"]]) < 0).all(), "the fingers close"
    assert (np.diff(opening[span["release"]]) > 0).all(), "the fingers open"
    for still in ("grasp", "release"):
        assert np.abs(np.diff(position[span[still]], axis=0)).max() < 1e-9
    assert (np.diff(target[span["lift"], 2, 3]) > 0).all(), "the block goes up"
    assert np.abs(np.diff(target[span["lift"], :2, 3], axis=0)).max() < 1e-9, "straight up"
    assert (np.diff(target[span["place"], 2, 3]) < 0).all(), "the block goes down"
    resting = np.diff(target[:, :3, 3], axis=0)
    assert not resting[: span["lift"].start].any()
    assert not resting[span["release"].start :].any()
    held = slice(span["lift"].start, span["release"].start)
    assert np.allclose(target[held, :3, 3], position[held])


def test_speeds_and_accelerations_are_those_of_a_robot() -> None:
    for seed in range(6):
        spec = SceneSpec(seed=seed)
        speed = np.diff(describe(spec).gripper_position, axis=0) * spec.fps
        assert np.linalg.norm(speed, axis=1).max() < 1.5
        assert np.linalg.norm(np.diff(speed, axis=0), axis=1).max() * spec.fps < 15, "no jump in speed"


def test_the_gripper_pixels_lie_on_the_gripper_and_arm(frames: Sequence[SceneFrame], truth: SceneTruth) -> None:
    arm, gripper = (truth.with_label(label)[0].instance for label in ("robot_arm", "gripper"))
    checked = 0
    for frame in frames:
        x, y = np.rint(frame.gripper.wrist_px).astype(int)
        if 0 <= x < 160 and 0 <= y < 120:
            assert frame.instances[y, x] == arm
            checked += 1
        tips = np.rint(frame.gripper.fingertips_px).astype(int)
        near = [frame.instances[max(y - 3, 0) : y + 2, max(x - 2, 0) : x + 3] for x, y in tips]
        assert any((patch == gripper).any() for patch in near)
    assert checked > 5


def test_a_long_clip_carries_the_block_there_and_back() -> None:
    truth = describe(SceneSpec(seed=1, frames=420))
    target = truth.object_poses[target_of(truth)][:, :3, 3]
    assert len(truth.tasks) == 2
    assert len(truth.segments) == 14
    assert np.abs(target[truth.tasks[0].end] - target[0]).max() > 0.1
    assert np.allclose(target[-1], target[0])
    assert truth.tasks[0].instructions != truth.tasks[1].instructions


def test_each_segment_has_three_different_instructions_that_name_the_block(truth: SceneTruth) -> None:
    name = truth.with_label("target_object")[0].name
    for segment in (*truth.tasks, *truth.segments):
        assert len(set(segment.instructions)) == 3
        assert all(name in sentence for sentence in segment.instructions)


@pytest.mark.parametrize("objects", [1, 8])
def test_any_number_of_blocks_finds_room(objects: int) -> None:
    for seed in range(8):
        poses = describe(SceneSpec(seed=seed, frames=16, objects=objects)).object_poses
        places = np.array([p[0, :2, 3] for p in poses.values()])
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(len(places))
        assert len(places) == objects
        assert apart.min() > 0.09


@pytest.mark.parametrize(("width", "height"), [(97, 61), (60, 120)])
def test_odd_sizes_and_upright_pictures_are_rendered(width: int, height: int) -> None:
    frame = next(render(SceneSpec(frames=16, width=width, height=height)))
    assert frame.image.shape == (height, width, 3)
    assert np.isfinite(frame.depth).all()
    assert len(np.unique(frame.instances)) >= 6


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"frames": 5}, "seven phases"),
        ({"width": 4}, "too small"),
        ({"objects": 40}, "do not fit"),
        ({"fps": 0}, "fps must be above 0"),
        ({"camera_motion": 1.0}, "amplitude"),
    ],
)
def test_it_refuses_a_scene_that_cannot_be_rendered(values: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SceneSpec(**values)
