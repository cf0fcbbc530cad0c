"""Do the proposed masks go where the flow carries what is under them? [V3]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, Thresholds
from enrichment.findings import of_the_sure, publish_findings, tracks_of, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import TrackReader
from enrichment.registry import register

FILE = "checks/flow_vs_segmentation.json"


@dataclass(frozen=True)
class Parameters(Thresholds):
    """The check's thresholds; least_confidence, 0-1: proposals that are less sure of themselves raise no flag.

    rigidities: how firm what a label names is, by label; the project's taxonomy unless it is set.
    """

    least_confidence: float = 0.75
    rigidities: Mapping[str, str] = field(default_factory=dict)


@register
class CheckFlowSegmentation(Layer):
    """The cross-check of flow and segmentation, on what engines propose."""

    name = "check_flow_segmentation"
    title = "Check: flow against segmentation"
    inputs = ("flow", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels"),)
    engine = flow_vs_segmentation.NAME
    engine_version = "6"
    Parameters = Parameters
    from_project = {"rigidities": "label_rigidities"}

    def compute(self, context: Context, span: Span) -> None:
        """Walk the clip once."""
        flow, tracks = context.input("flow", FlowReader), context.input("segmentation", TrackReader)

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return flow.read(frame) if frame < len(flow) else None

        found = flow_vs_segmentation.run(
            Inputs(tracks_of(tracks, context.parameters.rigidities), read, context.frames.read), context.parameters
        )
        write_findings(context, of_the_sure(found, tracks, context.parameters.least_confidence))

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, flow_vs_segmentation.NAME)
