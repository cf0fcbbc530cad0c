"""Do the proposed masks go where the flow carries what is under them? [V3]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.media.mask_tracks import MaskTracks
from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, Thresholds, Walk, joined
from enrichment.checks.registry import Finding
from enrichment.findings import of_proposals, of_the_sure, publish_findings, tracks_of, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.flow import FlowReader
from enrichment.parameters import refuse_beyond
from enrichment.registry import register

FILE = "checks/flow_vs_segmentation.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds; least_confidence, 0-1: proposals that are less sure of themselves raise no flag.

    rigidities: how firm what a label names is, by label; the project's taxonomy unless it is set.
    """

    least_confidence: float = 0.75
    rigidities: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        super().__post_init__()
        refuse_beyond(self, shares=("least_confidence",))


@register
class CheckFlowSegmentation(Layer):
    """The cross-check of flow and segmentation, on what engines propose."""

    name = "check_flow_segmentation"
    title = "Check: flow against segmentation"
    inputs = ("flow", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels"),)
    engine = flow_vs_segmentation.NAME
    engine_version = "9"
    Parameters = Parameters
    from_project = {"rigidities": "label_rigidities"}
    batch_frames = 600
    sequential = True

    def compute(self, context: Context, span: Span) -> None:
        """Walk through the batch, from where the one before it left off."""
        flow, tracks = context.input("flow", FlowReader), context.input("segmentation", MaskTracks)

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return flow.read(frame) if frame < len(flow) else None

        given = Inputs(tracks_of(tracks, context.parameters.rigidities), read, context.frames.read)
        walk = Walk(given, context.parameters)
        if span.index > 0:
            walk.restore(context.pieces.read_json(_state_of(span.index - 1)))
        write_findings(context, span, walk.over(range(span.start, span.end)))
        context.pieces.write_json(_state_of(span.index), walk.state())

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        tracks = context.input("segmentation", MaskTracks)

        def judged(found: list[Finding]) -> list[Finding]:
            sure = of_the_sure(found, tracks, context.parameters.least_confidence)
            return of_proposals(joined(sure, context.parameters))

        spans = self.spans(context.clip.frame_count)
        return publish_findings(context, FILE, flow_vs_segmentation.NAME, spans, judged)


def _state_of(batch: int) -> str:
    return f"state_{batch:05d}.json"
