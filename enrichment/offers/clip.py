"""CLIP's picture encoder, with weights of any size."""

from enrichment.engine import GIB, MIB, Hub, LayerEngine, register

register(
    LayerEngine(
        layer="embeddings",
        name="clip",
        title="CLIP",
        make="enrichment.engines.clip:ClipPictures",
        kinds=("clip",),
        hub=(
            Hub("openai/clip-vit-large-patch14", "MIT"),
            Hub("openai/clip-vit-base-patch32", "MIT"),
        ),
        device="either",
        memory=2 * GIB,
        picture_memory=120 * MIB,
        batch=64,
        packages=("torch", "transformers"),
    )
)
