"""Does a proposed mask lie at one depth? [V1]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.media.mask_tracks import MaskTracks
from enrichment.checks import depth_vs_segmentation
from enrichment.checks.depth_vs_segmentation import Inputs, Thresholds, joined, looked
from enrichment.checks.registry import Finding
from enrichment.findings import of_proposals, of_the_sure, publish_findings, tracks_of, write_findings, write_unjudged
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.depth import NO_LENGTH, DepthReader
from enrichment.parameters import refuse_beyond
from enrichment.registry import register

FILE = "checks/depth_vs_segmentation.json"


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
class CheckDepthSegmentation(Layer):
    """The cross-check of depth and segmentation, on what engines propose; depth without a scale cannot judge it."""

    name = "check_depth_segmentation"
    title = "Check: depth against segmentation"
    inputs = ("depth", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), metres"),)
    engine = depth_vs_segmentation.NAME
    engine_version = "5"
    Parameters = Parameters
    from_project = {"rigidities": "label_rigidities"}
    cost = 2
    batch_frames = 1200

    def compute(self, context: Context, span: Span) -> None:
        """Look at the masks of the batch's frames."""
        depth, tracks = context.input("depth", DepthReader), context.input("segmentation", MaskTracks)
        if not depth.metric:
            write_unjudged(context, span, NO_LENGTH)
            return

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return depth.read(frame)

        given = Inputs(tracks_of(tracks, context.parameters.rigidities), read)
        write_findings(context, span, looked(given, context.parameters, range(span.start, span.end)))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        tracks = context.input("segmentation", MaskTracks)

        def judged(found: list[Finding]) -> list[Finding]:
            sure = of_the_sure(found, tracks, context.parameters.least_confidence)
            return of_proposals(joined(sure, context.parameters))

        spans = self.spans(context.clip.frame_count)
        return publish_findings(context, FILE, depth_vs_segmentation.NAME, spans, judged)
