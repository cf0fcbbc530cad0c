"""Does a proposed mask lie at one depth? [V1]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import depth_vs_segmentation
from enrichment.checks.depth_vs_segmentation import Inputs, Thresholds
from enrichment.findings import of_the_sure, publish_findings, tracks_of, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.depth import DepthReader
from enrichment.layers.segmentation import TrackReader
from enrichment.registry import register

FILE = "checks/depth_vs_segmentation.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds, and least_confidence, 0-1: proposals that are less sure of themselves raise no flag."""

    least_confidence: float = 0.75


@register
class CheckDepthSegmentation(Layer):
    """The cross-check of depth and segmentation, on what engines propose; depth without a scale says nothing here."""

    name = "check_depth_segmentation"
    title = "Check: depth against segmentation"
    inputs = ("depth", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), metres"),)
    engine = depth_vs_segmentation.NAME
    engine_version = "2"
    Parameters = Parameters
    cost = 2

    def compute(self, context: Context, span: Span) -> None:
        """Walk the clip once."""
        depth, tracks = context.input("depth", DepthReader), context.input("segmentation", TrackReader)

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return depth.read(frame) if depth.metric else None

        found = depth_vs_segmentation.run(Inputs(tracks_of(tracks), read), context.parameters)
        write_findings(context, of_the_sure(found, tracks, context.parameters.least_confidence))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, depth_vs_segmentation.NAME)
