"""Where things are in space against the demo scene, whose geometry is known: end effector and joint angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.scene.rig import FINGER_HALF, TIP_BELOW, WRIST_ABOVE
from benchmarks.row import row
from enrichment.engines import camera_space, effector_tip, joint_angles
from enrichment.engines.camera_space import Lens

SEEDS = range(100, 102)
FRAMES = 60


@dataclass
class Errors:
    """By frame: metres for the end effector and for its motion since the frame before, degrees at the wrist."""

    tip: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    angle: list[float] = field(default_factory=list)


def rows() -> list[dict[str, Any]]:
    """From true masks, keypoints and depth: what is left is the error of the method itself."""
    errors = [measure(scene.SceneSpec(seed=seed, frames=FRAMES)) for seed in SEEDS]
    tip = [1000 * each for one in errors for each in one.tip]
    step = [1000 * each for one in errors for each in one.step]
    angle = [each for one in errors for each in one.angle]
    return [
        row("end effector in space: mean error", fmean(tip), "mm"),
        row("end effector in space: median error of its motion between frames", median(step), "mm"),
        row("angle in space at the wrist, between the fingertips: mean error", fmean(angle), "degrees"),
    ]


def measure(spec: scene.SceneSpec) -> Errors:
    """One scene, with the demo's own depth, masks and joints put through the numerics of the layers.

    A depth camera sees the surface; the joints lie a few centimetres inside the arm, and so do truth and answer.
    """
    truth, errors = scene.describe(spec), Errors()
    lens = Lens(*truth.intrinsics)
    labels = {thing.label: thing.instance for thing in truth.objects}
    before: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    for frame in scene.render(spec):
        at = _in_camera(truth.world_to_camera[frame.index], truth.gripper_position[frame.index])
        tip = effector_tip.find(frame.instances == labels["gripper"], frame.instances == labels["robot_arm"])
        metres = None if tip is None else effector_tip.distance(tip, frame.depth)
        found = None if tip is None or metres is None else effector_tip.in_space(tip.at, metres, lens)
        if found is not None:
            errors.tip.append(float(np.linalg.norm(found - at)))
            if before is not None:
                errors.step.append(float(np.linalg.norm((found - before[0]) - (at - before[1]))))
        before = None if found is None else (found, at)
        errors.angle.extend(_opening(truth, frame, lens))
    return errors


def _opening(truth: scene.SceneTruth, frame: scene.SceneFrame, lens: Lens) -> Iterator[float]:
    """By how many degrees the angle at the wrist between the fingertips is off, where all three are in the picture."""
    at, yaw = truth.gripper_position[frame.index], float(truth.gripper_yaw[frame.index])
    reach = (float(truth.gripper_opening[frame.index]) / 2 + FINGER_HALF[1]) * np.array([-np.sin(yaw), np.cos(yaw), 0])
    below = np.array([0.0, 0.0, TIP_BELOW])
    points = [at - reach - below, at + np.array([0.0, 0.0, WRIST_ABOVE]), at + reach - below]
    joints = np.array([_in_camera(truth.world_to_camera[frame.index], each) for each in points])
    seen = np.array([[*_pixel(joint, lens), 1.0] for joint in joints], dtype=np.float32)
    placed = camera_space.in_space(seen, frame.depth, lens)
    (true,), (told,) = (joint_angles.between(each[:1] - each[1:2], each[2:] - each[1:2]) for each in (joints, placed))
    if np.isfinite(told):
        yield float(abs(true - told))


def _in_camera(
    world_to_camera: NDArray[np.float64], point: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray((world_to_camera @ [*point, 1.0])[:3], dtype=np.float64)


def _pixel(point: NDArray[np.float64], lens: Lens) -> tuple[float, float]:
    return lens.fx * point[0] / point[2] + lens.cx, lens.fy * point[1] / point[2] + lens.cy
