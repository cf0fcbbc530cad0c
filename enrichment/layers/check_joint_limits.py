"""Do joints in space bend and turn as a body's can? [V2] Where nothing could be placed, it cannot be judged."""

from __future__ import annotations

from typing import Final

import numpy as np

from enrichment.checks import joint_limits
from enrichment.checks.joint_limits import Inputs
from enrichment.checks.registry import Finding
from enrichment.findings import publish_findings, write_findings, write_unjudged
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.pose_3d import PlacedPose
from enrichment.pose_files import PoseReader
from enrichment.registry import register

FILE: Final = "checks/joint_limits.json"


@register
class CheckJointLimits(Layer):
    """Every angle of everybody over the whole clip."""

    name = "check_joint_limits"
    title = "Check: joints in space"
    inputs = ("pose_3d", "pose_corrected")
    outputs = (Output(FILE, "JSON", "frames [start, end), degrees, pixels"),)
    engine = joint_limits.NAME
    engine_version = "2"
    Parameters = joint_limits.Thresholds
    cost = 2

    def compute(self, context: Context, span: Span) -> None:
        """Angles of each person by frame, against their limits."""
        placed, pose = context.input("pose_3d", PlacedPose), context.input("pose_corrected", PoseReader)
        if pose.rows and placed.nothing_because:
            write_unjudged(context, span, placed.nothing_because)
            return
        seconds = np.array(context.clip.seconds, dtype=np.float64)
        found: list[Finding] = []
        rows = np.array(pose.rows, dtype=np.int64).reshape(-1, 2)
        for track in pose.tracks:
            own = np.flatnonzero(rows[:, 1] == track)
            for column, joint in enumerate(placed.angle_names):
                degrees = np.full(len(seconds), np.nan)
                degrees[rows[own, 0]] = placed.angles[own, column]
                if not np.isfinite(degrees).any():
                    continue
                at = np.full((len(seconds), 2), np.nan)
                frames, points = pose.sightings(track, joint)
                at[frames] = points[:, :2]
                found.extend(joint_limits.run(Inputs(joint, track, degrees, seconds, at), context.parameters))
            context.keep_going()
        write_findings(context, span, sorted(found, key=lambda each: (each.start, each.end)))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, joint_limits.NAME, self.spans(context.clip.frame_count))
