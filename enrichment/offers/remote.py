"""Gemini and OpenAI, which caption pictures that are sent to them."""

from functools import partial

from enrichment import remote
from enrichment.engine import LayerEngine, register
from enrichment.engines.parameters import GeminiParameters, OpenAIParameters

register(
    LayerEngine(
        layer="captions",
        name="gemini",
        title="Gemini (pictures leave this machine)",
        make="enrichment.remote:gemini",
        Parameters=GeminiParameters,
        lacks=partial(remote.lacks, "gemini"),
    )
)
register(
    LayerEngine(
        layer="captions",
        name="openai",
        title="OpenAI or a server that speaks its language (pictures leave this machine)",
        make="enrichment.remote:openai",
        Parameters=OpenAIParameters,
        lacks=partial(remote.lacks, "openai"),
    )
)
