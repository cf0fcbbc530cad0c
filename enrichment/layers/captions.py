"""Captions [E7]: declared, and no engine yet."""

from __future__ import annotations

from enrichment.layer import LayerWithoutEngine, Output
from enrichment.registry import register


@register
class Captions(LayerWithoutEngine):
    """Two or three sentences per keyframe."""

    name = "captions"
    title = "Captions"
    inputs = ("keyframes",)
    outputs = (Output("captions/captions.json", "JSON", "none"),)
    no_engine = "No engine: captions need a vision-language model, and neither an API key nor local weights are set up."
