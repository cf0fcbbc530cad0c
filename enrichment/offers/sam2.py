"""SAM 2 without prompts."""

from enrichment.engine import GIB, Hub, LayerEngine, register
from enrichment.engines.parameters import AutomaticParameters

register(
    LayerEngine(
        layer="segmentation",
        name="sam2",
        title="SAM 2, everything on a grid of points",
        make="enrichment.engines.sam2_automatic:Sam2Automatic",
        kinds=("sam2", "sam2_video"),
        hub=tuple(
            Hub(f"facebook/sam2.1-hiera-{size}", "Apache-2.0") for size in ("tiny", "small", "base-plus", "large")
        ),
        device="either",
        memory=2 * GIB,
        picture_memory=GIB,
        packages=("torch", "transformers"),
        Parameters=AutomaticParameters,
    )
)
