"""Gemini and OpenAI, which caption pictures and describe segments that are sent to them."""

from functools import partial

from enrichment import remote
from enrichment.engine import LayerEngine, register
from enrichment.engines.parameters import (
    GeminiParameters,
    GeminiSegmentParameters,
    OpenAIParameters,
    OpenAISegmentParameters,
)

_GEMINI = "Gemini (pictures leave this machine)"
_OPENAI = "OpenAI or a server that speaks its language (pictures leave this machine)"

for _layer, _name, _title, _parameters in (
    ("captions", "gemini", _GEMINI, GeminiParameters),
    ("captions", "openai", _OPENAI, OpenAIParameters),
    ("descriptions", "gemini", _GEMINI, GeminiSegmentParameters),
    ("descriptions", "openai", _OPENAI, OpenAISegmentParameters),
):
    register(
        LayerEngine(
            layer=_layer,
            name=_name,
            title=_title,
            make=f"enrichment.remote:{_name}",
            Parameters=_parameters,
            lacks=partial(remote.lacks, _name),
            remote=True,
        )
    )
