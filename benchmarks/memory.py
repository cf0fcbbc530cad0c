"""Memory must not grow with the clip: the peak at 3,000 frames over the peak at 300."""

from __future__ import annotations

import tempfile
from typing import Any

from benchmarks.processes import Measured, measure
from benchmarks.row import row

SHORT, LONG = 300, 3000
LIMIT = 1.1
# Each in a process of its own, after those that it reads: layers that need no weights, …
OWN = ("keyframes", "metadata", "flow", "embeddings", "segmentation", "actions", "descriptions")
# … those that need some, of which stand-ins take the place, two people with all their keypoints, and what reads them.
STOOD_IN = ("people", "pose", "pose_corrected", "check_pose_time", "depth", "pose_3d", "check_joint_limits")
CHECKS = ("check_flow_segmentation", "check_actions_motion", "check_depth_segmentation", "end_effector")
LAYERS = (*OWN, *STOOD_IN, *CHECKS)


def rows() -> list[dict[str, Any]]:
    found = []
    for work in ("ingest", "flow", "coco"):
        name = f"{work}: peak memory at {LONG:,} frames"
        found.append(_row(name, measure(work, LONG), measure(work, SHORT), f"{SHORT} frames"))
    long, short = _layers(LONG), _layers(SHORT)
    for layer in LAYERS:
        name = f"layer {layer}: peak at {LONG:,} frames"
        found.append(_row(name, long[layer], short[layer], f"{SHORT} frames, wanted {LIMIT} at most"))
    return found


def _layers(frames: int) -> dict[str, Measured]:
    """All layers of one clip, one after the other."""
    with tempfile.TemporaryDirectory(prefix="loupe-bench-") as home:
        return {layer: measure(layer, frames, "layer_works", home) for layer in LAYERS}


def _row(name: str, long: Measured, short: Measured, against: str) -> dict[str, Any]:
    return row(name, long.peak / 2**20, "MiB", against=against, ratio=long.peak / max(short.peak, 1))
