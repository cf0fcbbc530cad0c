"""SAM 3, asked for the project's labels."""

from enrichment.engine import GIB, Hub, LayerEngine, register
from enrichment.engines.parameters import ConceptParameters

register(
    LayerEngine(
        layer="segmentation",
        name="sam3",
        title="SAM 3, the project's labels",
        make="enrichment.engines.sam3:Sam3",
        kinds=("sam3", "sam3_video"),
        hub=(Hub("facebook/sam3", "SAM License", gated=True),),
        device="either",
        memory=7 * GIB,
        picture_memory=2 * GIB,
        packages=("torch", "transformers"),
        Parameters=ConceptParameters,
    )
)
