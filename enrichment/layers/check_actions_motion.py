"""Do the proposed actions meet the motion? [V4]"""

from __future__ import annotations

from enrichment.checks import actions_vs_motion
from enrichment.checks.actions_vs_motion import Inputs, Labelled, Thresholds
from enrichment.findings import publish_findings, write_findings
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.actions import ActionsReader, rate_of
from enrichment.registry import register

FILE = "checks/actions_vs_motion.json"


@register
class CheckActionsMotion(Layer):
    """The cross-check of actions and motion, on what engines propose."""

    name = "check_actions_motion"
    title = "Check: actions against motion"
    inputs = ("actions",)
    outputs = (Output(FILE, "JSON", "frames [start, end), pixels per frame"),)
    engine = actions_vs_motion.NAME
    engine_version = "1"
    Parameters = Thresholds

    def compute(self, context: Context, span: Span) -> None:
        """Compare every phase with the motion."""
        actions = context.input("actions", ActionsReader)
        labelled = [
            Labelled(segment["id"], segment["start"], segment["end"], segment["action"], segment["phase"])
            for segment in actions.segments
        ]
        found = actions_vs_motion.run(Inputs(labelled, actions.motion, rate_of(context.clip)), context.parameters)
        write_findings(context, found)

    def publish(self, context: Context) -> Product:
        """One file; the findings also become flags."""
        return publish_findings(context, FILE, actions_vs_motion.NAME)
