"""Do the proposed masks go where the flow carries what is under them? [V3]"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, Thresholds, TrackMasks
from enrichment.findings import publish_findings, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import TrackReader
from enrichment.registry import register

FILE = "checks/flow_vs_segmentation.json"
# The engine only guesses labels; of these it can be said that they bend.
_BENDS = frozenset({"human_hand", "obstacle_deformable"})


@register
class CheckFlowSegmentation(Layer):
    """The cross-check of flow and segmentation, on what engines propose."""

    name = "check_flow_segmentation"
    title = "Check: flow against segmentation"
    inputs = ("flow", "segmentation")
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels"),)
    engine = flow_vs_segmentation.NAME
    engine_version = "2"
    Parameters = Thresholds

    def compute(self, context: Context, span: Span) -> None:
        """Walk the clip once."""
        flow, tracks = context.input("flow", FlowReader), context.input("segmentation", TrackReader)

        def read(frame: int) -> NDArray[np.float32] | None:
            context.keep_going()
            return flow.read(frame) if frame < len(flow) else None

        found = flow_vs_segmentation.run(Inputs(_tracks(tracks), read, context.frames.read), context.parameters)
        write_findings(context, found)

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, flow_vs_segmentation.NAME)


def _tracks(reader: TrackReader) -> list[TrackMasks]:
    return [
        TrackMasks(
            track_id=number,
            label=label,
            rigidity="deformable" if label in _BENDS else "rigid",
            masks=reader.masks_of(number),
        )
        for number, label in sorted(reader.labels.items())
    ]
