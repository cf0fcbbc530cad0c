"""InternVideo2's video encoder, with weights of any size."""

from dataclasses import dataclass

from enrichment.engine import GIB, MIB, LayerEngine, register


@dataclass(frozen=True)
class Parameters:
    """stride: frames from one window of 16 to the next; 4 to 8 are usual, fewer is finer and slower."""

    stride: int = 8

    def __post_init__(self) -> None:
        """Refuse what would leave frames out."""
        if not isinstance(self.stride, int) or not 1 <= self.stride <= 16:
            raise ValueError(f"stride is {self.stride}, but it must be a whole number from 1 to 16.")


register(
    LayerEngine(
        layer="actions",
        name="internvideo2",
        title="InternVideo2",
        make="enrichment.engines.internvideo2:InternVideo2",
        kinds=("internvideo2",),
        device="either",
        memory=5 * GIB,
        picture_memory=600 * MIB,
        batch=4,
        packages=("torch", "safetensors"),
        Parameters=Parameters,
        note="OpenGVLab publishes it as pickles, which are not read here. Lay a folder below LOUPE_WEIGHTS with the "
        "video encoder as model.safetensors under its makers' names, a config.json (model_type internvideo2, "
        "embed_dim, depth, num_heads, mlp_ratio, clip_embed_dim, num_frames, proj_dim) and, to name classes, "
        "text_features.safetensors with one vector a class.",
    )
)
