"""Do the proposed actions meet the motion? [V4]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enrichment import recordings
from enrichment.checks import actions_vs_motion
from enrichment.checks.actions_vs_motion import Inputs, Labelled, Thresholds
from enrichment.checks.observed_motion import observe
from enrichment.findings import of_the_sure, publish_findings, tracks_of, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.actions import ActionsReader, rate_of
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import TrackReader
from enrichment.registry import register

FILE = "checks/actions_vs_motion.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds; least_confidence, 0-1: a proposed thing that is less sure of itself raises no flag.

    recording: what stands for the series that came with the clip; not set by projects.
    """

    least_confidence: float = 0.75
    recording: str = ""


@register
class CheckActionsMotion(Layer):
    """The cross-check of actions and motion, on what engines propose."""

    name = "check_actions_motion"
    title = "Check: actions against motion"
    inputs = ("actions", "flow", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels per frame"),)
    engine = actions_vs_motion.NAME
    engine_version = "4"
    Parameters = Parameters
    from_recording = "recording"

    def compute(self, context: Context, span: Span) -> None:
        """Compare every phase with the motion of the hand, of things, and of the gripper where that was recorded."""
        actions, tracks = context.input("actions", ActionsReader), context.input("segmentation", TrackReader)
        flow = context.input("flow", FlowReader)

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return flow.read(frame) if frame < len(flow) else None

        labelled = [
            Labelled(segment["id"], segment["start"], segment["end"], segment["action"], segment["phase"])
            for segment in actions.segments
        ]
        motion = actions.motion
        frames = range(motion.first, motion.first + len(motion))
        seen = observe(read, tracks_of(tracks), frames if labelled else (), motion.size)
        opening = recordings.opening(context.folder, context.clip.seconds)
        given = Inputs(
            labelled,
            motion,
            rate_of(context.clip),
            opening=None if opening is None else opening[frames.start : frames.stop],
            # Where no mask is said to be a hand's or a gripper's, the hand may be one of the things.
            things=seen.things if seen.guided.any() else {},
            guided=seen.guided,
        )
        found = actions_vs_motion.run(given, context.parameters)
        write_findings(context, span, of_the_sure(found, tracks, context.parameters.least_confidence))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, actions_vs_motion.NAME, self.spans(context.clip.frame_count))
