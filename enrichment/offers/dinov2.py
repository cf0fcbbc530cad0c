"""DINOv2, with weights of any size."""

from enrichment.engine import GIB, MIB, Hub, LayerEngine, register

register(
    LayerEngine(
        layer="embeddings",
        name="dinov2",
        title="DINOv2",
        make="enrichment.engines.dinov2:Dinov2Pictures",
        kinds=("dinov2",),
        hub=tuple(Hub(f"facebook/dinov2-{size}", "Apache-2.0") for size in ("base", "large", "small", "giant")),
        device="either",
        memory=2 * GIB,
        picture_memory=120 * MIB,
        batch=64,
        packages=("torch", "transformers"),
    )
)
