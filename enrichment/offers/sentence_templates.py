"""Sentences from templates: no weights."""

from enrichment.engine import LayerEngine, register
from enrichment.engines import sentence_templates

register(
    LayerEngine(
        layer="descriptions",
        name=sentence_templates.NAME,
        title="Templates of class, phase and object, no weights",
        make="enrichment.engines.sentence_templates:SentenceTemplates",
        version=sentence_templates.VERSION,
        Parameters=sentence_templates.Parameters,
    )
)
