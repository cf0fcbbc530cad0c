"""InternVideo2's video encoder, with weights of any size."""

from dataclasses import dataclass

from enrichment.engine import GIB, MIB, LayerEngine, register
from enrichment.engines.parameters import labels_of


@dataclass(frozen=True)
class Parameters:
    """stride: frames from one window of 16 to the next; 4 to 8 are usual, fewer is finer and slower.

    classes: keys of the taxonomy's actions; said in words they are what stretches are named by.
    """

    stride: int = 8
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would leave frames out, and what is no word."""
        object.__setattr__(self, "classes", labels_of(self.classes))
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
        packages=("torch", "safetensors", "transformers"),
        Parameters=Parameters,
        note="OpenGVLab publishes it as pickles, which are not read here. Lay a folder below LOUPE_WEIGHTS with the "
        "video encoder as model.safetensors under its makers' names, a config.json (model_type internvideo2, "
        "embed_dim, depth, num_heads, mlp_ratio, clip_embed_dim, num_frames, proj_dim). To name classes, "
        "leave the second stage's text_encoder and text_proj among the weights and lay BERT's configuration as "
        "text_config.json (with fusion_layer, 19 for BERT-large) and its vocab.txt beside them; or lay "
        "text_features.safetensors there with one vector a class.",
    )
)
