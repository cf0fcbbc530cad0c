"""Florence-2, for boxes of labels and for captions."""

from enrichment.engine import GIB, Hub, LayerEngine, register
from enrichment.engines.parameters import CaptionParameters, PhraseParameters

_MAKE = "enrichment.engines.florence2:Florence2"
_HUB = (
    Hub("florence-community/Florence-2-base", "MIT"),
    Hub("florence-community/Florence-2-large", "MIT"),
    Hub("florence-community/Florence-2-base-ft", "MIT"),
    Hub("florence-community/Florence-2-large-ft", "MIT"),
)

register(
    LayerEngine(
        layer="detections",
        name="florence2",
        title="Florence-2",
        make=_MAKE,
        kinds=("florence2",),
        hub=_HUB,
        device="either",
        memory=2 * GIB,
        picture_memory=GIB,
        batch=8,
        packages=("torch", "transformers"),
        Parameters=PhraseParameters,
    )
)
register(
    LayerEngine(
        layer="captions",
        name="florence2",
        title="Florence-2",
        make=_MAKE,
        kinds=("florence2",),
        hub=_HUB,
        device="either",
        memory=2 * GIB,
        picture_memory=GIB,
        batch=8,
        packages=("torch", "transformers"),
        Parameters=CaptionParameters,
    )
)
