"""Colour, shape and texture: no weights."""

from enrichment.engine import LayerEngine, register
from enrichment.engines import appearance

register(
    LayerEngine(
        layer="embeddings",
        name=appearance.NAME,
        title="Colour, shape and texture, no weights",
        make="enrichment.engines.appearance:Appearance",
        version=appearance.VERSION,
    )
)
