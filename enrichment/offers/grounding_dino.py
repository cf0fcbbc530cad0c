"""Grounding DINO."""

from enrichment.engine import GIB, Hub, LayerEngine, register
from enrichment.engines.parameters import GroundingParameters

register(
    LayerEngine(
        layer="detections",
        name="grounding_dino",
        title="Grounding DINO",
        make="enrichment.engines.grounding_dino:GroundingDino",
        kinds=("grounding-dino",),
        hub=(
            Hub("IDEA-Research/grounding-dino-tiny", "Apache-2.0"),
            Hub("IDEA-Research/grounding-dino-base", "Apache-2.0"),
        ),
        device="either",
        memory=GIB,
        picture_memory=2 * GIB,
        batch=8,
        packages=("torch", "transformers"),
        Parameters=GroundingParameters,
    )
)
