from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import scene
from enrichment.checks import pose_vs_time
from enrichment.checks.pose_vs_time import Inputs
from enrichment.checks.registry import Finding

SEEDS = range(6)


def wrist(seed: int) -> scene.SceneTruth:
    return scene.describe(scene.SceneSpec(seed=seed, frames=150))


def check(positions: NDArray[np.float64], **more: object) -> list[Finding]:
    seconds = np.arange(len(positions)) / 30
    return pose_vs_time.run(Inputs("wrist", 8, positions, seconds, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wrist_that_moves_as_an_arm_can_is_left_alone(seed: int) -> None:
    truth = wrist(seed)
    measured = truth.gripper_position + np.random.default_rng(seed).normal(0, 0.003, truth.gripper_position.shape)
    assert check(measured) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("at", [0, 1, 70, 149])
def test_a_wrist_that_jumps_for_a_frame_is_found_in_that_frame(seed: int, at: int) -> None:
    faulted, (start, end) = scene.wrist_that_jumps(wrist(seed).gripper_position, at=at, seed=seed)
    [found] = check(faulted)
    assert (found.start, found.end, found.severity) == (start, end, 3)
    assert "35 cm" in found.reason or "34 cm" in found.reason or "36 cm" in found.reason


def test_a_jump_of_several_frames_is_one_finding_that_covers_it() -> None:
    faulted, (start, end) = scene.wrist_that_jumps(wrist(1).gripper_position, at=60, frames=4)
    [found] = check(faulted)
    assert found.start == start
    assert end <= found.end <= end + 2


def test_a_wrist_that_trembles_is_found_once() -> None:
    truth = wrist(2)
    trembling = truth.gripper_position.copy()
    trembling[40:80] += np.random.default_rng(0).normal(0, 0.02, (40, 3))
    [found] = check(trembling)
    assert found.evidence["kind"] == "jitter"
    assert found.start >= 30
    assert found.end <= 90
    assert "mm" in found.reason


@pytest.mark.parametrize("fps", [10, 12, 15, 24, 30, 60, 120])
def test_a_quick_hand_does_not_tremble_at_any_frame_rate(fps: int) -> None:
    seconds = np.arange(4 * fps) / fps
    to_and_fro = np.stack([0.1 * np.sin(2 * np.pi * 4 * seconds), np.zeros_like(seconds)], axis=1)
    assert pose_vs_time.run(Inputs("wrist", 8, to_and_fro, seconds)) == []


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
def test_trembling_is_found_where_frames_follow_each_other_fast_enough_to_tell(fps: int) -> None:
    seconds = np.arange(2 * fps) / fps
    trembling = np.random.default_rng(0).normal(0, 0.012, (len(seconds), 3))
    assert {found.evidence["kind"] for found in pose_vs_time.run(Inputs("wrist", 8, trembling, seconds))} == {"jitter"}


@pytest.mark.parametrize(("fps", "told"), [(15, True), (21, True), (22, False), (30, False)])
def test_where_there_are_too_few_pictures_for_trembling_it_says_so(fps: int, told: bool) -> None:
    said = pose_vs_time.lacking(np.arange(2 * fps) / fps, pose_vs_time.Thresholds())
    assert bool(said) is told
    assert not said or f"{fps} frames a second" in said
    assert not said or "it takes 22" in said


def test_pixels_with_a_scale_are_judged_in_metres() -> None:
    pixels = np.stack([np.linspace(100, 130, 40), np.full(40, 200.0)], axis=1)
    pixels[20] += (210.0, 0.0)
    assert [found.start for found in check(pixels, pixels_per_metre=600.0)] == [20]
    assert check(pixels, pixels_per_metre=6000.0) == []


def test_frames_without_a_wrist_do_not_count_as_jumps() -> None:
    """Half a second unseen, in which the arm may well have moved by a metre."""
    positions = np.zeros((60, 3))
    positions[20:35] = np.nan
    positions[35:] = (1.0, 0.0, 0.0)
    assert check(positions) == []


def test_its_evidence_is_plain_json_without_nan() -> None:
    faulted, _ = scene.wrist_that_jumps(wrist(0).gripper_position, at=70)
    faulted[75] = np.nan
    [found] = check(faulted, pixels=wrist(0).wrist_px)
    json.dumps(found.to_json(), allow_nan=False)
    assert found.evidence["points"][0]["frame"] == 70
