"""Does a proposed mask lie at one depth? [V1]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import depth_vs_segmentation
from enrichment.checks.depth_vs_segmentation import Inputs, Thresholds
from enrichment.findings import of_the_sure, publish_findings, tracks_of, write_findings, write_unjudged
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.depth import NO_LENGTH, DepthReader
from enrichment.layers.segmentation import TrackReader
from enrichment.registry import register

FILE = "checks/depth_vs_segmentation.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds; least_confidence, 0-1: proposals that are less sure of themselves raise no flag.

    rigidities: how firm what a label names is, by label; the project's taxonomy unless it is set.
    """

    least_confidence: float = 0.75
    rigidities: Mapping[str, str] = field(default_factory=dict)


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

    def compute(self, context: Context, span: Span) -> None:
        """Walk the clip once."""
        depth, tracks = context.input("depth", DepthReader), context.input("segmentation", TrackReader)
        if not depth.metric:
            write_unjudged(context, NO_LENGTH)
            return

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return depth.read(frame)

        found = depth_vs_segmentation.run(
            Inputs(tracks_of(tracks, context.parameters.rigidities), read), context.parameters
        )
        write_findings(context, of_the_sure(found, tracks, context.parameters.least_confidence))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, depth_vs_segmentation.NAME)
