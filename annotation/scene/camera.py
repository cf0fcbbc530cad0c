"""The camera: where it stands, how it sways, and its intrinsics."""

import numpy as np

from annotation.scene.layout import Layout
from annotation.scene.spec import F64, SceneSpec

AIM = np.array([0.0, 0.1, 0.075])
FOCAL = 1.12  # focal length as a share of the picture's width at 4:3


def intrinsics(spec: SceneSpec) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels; the same part of the table is in view at every size and shape."""
    focal = FOCAL * min(spec.width, spec.height * 4 / 3)
    return focal, focal, (spec.width - 1) / 2, (spec.height - 1) / 2


def world_to_camera(spec: SceneSpec, layout: Layout) -> F64:
    """(frames, 4, 4): a stand, or with camera_motion a slow sway like a head's, from incommensurate sines."""
    rng = np.random.default_rng([spec.seed, 5])
    seconds = np.arange(spec.frames) / spec.fps
    sway = np.zeros((spec.frames, 6))
    for axis, rate in enumerate((0.31, 0.23, 0.41, 0.27, 0.19, 0.36)):
        first, second = rng.uniform(0, 2 * np.pi, 2)
        sway[:, axis] = np.sin(2 * np.pi * rate * seconds + first) + 0.4 * np.sin(4.7 * np.pi * rate * seconds + second)
    sway *= spec.camera_motion
    eyes = np.array(layout.eye) + sway[:, :3]
    aims = AIM + 0.6 * sway[:, 3:]
    return np.stack([_look_at(eye, aim) for eye, aim in zip(eyes, aims, strict=True)])


def _look_at(eye: F64, aim: F64) -> F64:
    forward = (aim - eye) / np.linalg.norm(aim - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix
