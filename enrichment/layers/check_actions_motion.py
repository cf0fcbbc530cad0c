"""Do the proposed actions meet the motion? [V4]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.media.mask_tracks import MaskTracks
from enrichment import recordings
from enrichment.checks import actions_vs_motion
from enrichment.checks.actions_vs_motion import Inputs, Labelled, Thresholds
from enrichment.checks.observed_motion import guided
from enrichment.checks.thing_motion import ThingMotion, ThingVelocities, by_track
from enrichment.engines.motion_features import MOVERS
from enrichment.findings import of_proposals, of_the_sure, publish_found
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.actions import ActionsReader, rate_of
from enrichment.layers.flow import FlowReader
from enrichment.parameters import refuse_beyond
from enrichment.registry import register

FILE = "checks/actions_vs_motion.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds; least_confidence, 0-1: a proposed thing that is less sure of itself raises no flag.

    recording: what stands for the series that came with the clip; not set by projects.
    """

    least_confidence: float = 0.75
    recording: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        super().__post_init__()
        refuse_beyond(self, shares=("least_confidence",))


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
    batch_frames = 600
    sequential = True

    def compute(self, context: Context, span: Span) -> None:
        """Follow the things through the batch, from where the one before it left off."""
        clip, flow = context.clip, context.input("flow", FlowReader)
        tracks = context.input("segmentation", MaskTracks)
        walk = ThingMotion(clip.height, clip.width, first=span.start)
        if span.index > 0:
            walk.restore(context.pieces.read_arrays(_state_of(span.index - 1)))
        # Nothing is asked of the things in a clip without actions.
        labelled = bool(context.input("actions", ActionsReader).segments)
        for frame in range(span.start, span.end) if labelled else ():
            context.keep_going()
            walk.add(flow.read(frame) if frame < len(flow) else None, tracks.masks(frame), tracks.labels)
        known = walk.known()
        context.pieces.write_arrays(_seen_of(span.index), {"since": np.array(known.since), "rows": known.rows})
        context.pieces.write_arrays(_state_of(span.index), walk.state())

    def publish(self, context: Context) -> Product:
        """Compare every phase with the motion of the hand, of things, and of the gripper where that was recorded."""
        actions, tracks = context.input("actions", ActionsReader), context.input("segmentation", MaskTracks)
        motion = actions.motion
        frames = range(motion.first, motion.first + len(motion))
        parts = (context.pieces.read_arrays(_seen_of(span.index)) for span in self.spans(context.clip.frame_count))
        things = by_track((ThingVelocities(int(part["since"]), part["rows"]) for part in parts), frames)
        shown = guided(tracks.frames_of(MOVERS), frames)
        opening = recordings.opening(context.folder, context.clip.seconds)
        given = Inputs(
            [
                Labelled(segment["id"], segment["start"], segment["end"], segment["action"], segment["phase"])
                for segment in actions.segments
            ],
            motion,
            rate_of(context.clip),
            opening=None if opening is None else opening[frames.start : frames.stop],
            # Where no mask is said to be a hand's or a gripper's, the hand may be one of the things.
            things=things if shown.any() else {},
            guided=shown,
        )
        found = actions_vs_motion.run(given, context.parameters)
        sure = of_the_sure(found, tracks, context.parameters.least_confidence)
        return publish_found(context, FILE, actions_vs_motion.NAME, of_proposals(sure))


def _seen_of(batch: int) -> str:
    return f"things_{batch:05d}.npz"


def _state_of(batch: int) -> str:
    return f"state_{batch:05d}.npz"
