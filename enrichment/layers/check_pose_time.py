"""Do wrists and elbows move as an arm can, and is left still left? [V2]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import body_limits, pose_vs_time, unseen
from enrichment.checks.pose_vs_time import Inputs
from enrichment.checks.registry import Finding
from enrichment.checks.unseen import Thresholds
from enrichment.engines.keypoints import BODY
from enrichment.findings import publish_findings, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.parameters import refuse_beyond
from enrichment.pose_files import PoseReader
from enrichment.registry import register

FILE = "checks/pose_vs_time.json"
JOINTS: Final = ("left_wrist", "right_wrist", "left_elbow", "right_elbow")
# Adult means in metres (Drillis and Contini, "Body segment parameters", 1966, at a stature of 1.70 m). What is seen at
# an angle is shorter, so the longest that any of them appears says how many pixels a metre has.
_LENGTHS: Final = (
    ("left_elbow", "left_wrist", 0.25),
    ("right_elbow", "right_wrist", 0.25),
    ("left_shoulder", "left_elbow", 0.32),
    ("right_shoulder", "right_elbow", 0.32),
    ("left_shoulder", "right_shoulder", 0.44),
    ("left_shoulder", "left_hip", 0.49),
    ("right_shoulder", "right_hip", 0.49),
)
_MOSTLY: Final = 90  # percentile: a keypoint that is off for a moment must not make a person a giant

Paths = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds, and least_confidence, 0-1, below which a keypoint counts as not seen."""

    least_confidence: float = field(default=0.3)

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        super().__post_init__()
        refuse_beyond(self, shares=("least_confidence",))


@register
class CheckPoseTime(Layer):
    """The check of pose against time, for everybody whose arms are seen."""

    name = "check_pose_time"
    title = "Check: pose against time"
    inputs = ("pose_corrected",)
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels, metres a second"),)
    engine = pose_vs_time.NAME
    engine_version = "7"
    Parameters = Parameters
    cost = 2

    def compute(self, context: Context, span: Span) -> None:
        """Every person over the whole clip: wrists and elbows in time, sides and bones by themselves."""
        pose = context.input("pose_corrected", PoseReader)
        least = float(context.parameters.least_confidence)
        seconds = np.array(context.clip.seconds, dtype=np.float64)
        found: list[Finding] = []
        lacking = ""
        for track in pose.tracks:
            paths = paths_of(pose, track, context.clip.frame_count, least)
            scale = pixels_per_metre(paths)
            if scale is None:
                continue
            theirs = body_limits.run(paths, track, scale, context.parameters)
            for joint in JOINTS:
                if joint in paths:
                    lacking = pose_vs_time.lacking(seconds, context.parameters)
                    given = Inputs(joint.replace("_", " "), track, paths[joint], seconds, pixels_per_metre=scale)
                    theirs.extend(pose_vs_time.run(given, context.parameters))
                    theirs.extend(unseen.run(paths, joint, track, seconds, context.parameters))
            found.extend(body_limits.told_once(theirs))
            context.keep_going()
        write_findings(context, span, sorted(found, key=lambda each: (each.start, each.end)), lacking)

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, pose_vs_time.NAME, self.spans(context.clip.frame_count))


def paths_of(pose: PoseReader, track: int, frames: int, least: float) -> Paths:
    """Where each keypoint of somebody's body is, by name: (frames, 2) float64 in pixels, NaN where it is not seen."""
    paths = {name: np.full((frames, 2), np.nan) for name in pose.names if name in BODY}
    for name, path in paths.items():
        numbers, points = pose.sightings(track, name)
        sure = points[:, 2] >= least
        path[numbers[sure]] = points[sure, :2]
    return paths


def pixels_per_metre(paths: Paths) -> float | None:
    """How large somebody appears, from the lengths between their joints; None when too little of them is seen."""
    found = []
    for a, b, metres in _LENGTHS:
        if a in paths and b in paths:
            lengths = np.linalg.norm(paths[a] - paths[b], axis=1)
            lengths = lengths[np.isfinite(lengths)]
            if len(lengths) >= 3:
                found.append(float(np.percentile(lengths, _MOSTLY)) / metres)
    return max(found, default=0.0) or None
