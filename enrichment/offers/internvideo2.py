"""InternVideo2's video encoder, with weights of any size."""

from dataclasses import dataclass
from typing import Final

from enrichment import conversion
from enrichment.conversion import Conversion, Shapes
from enrichment.engine import GIB, MIB, LayerEngine, register
from enrichment.engines.parameters import labels_of

# Of attention by width, as the makers build S, B, L, 1B and 6B; all pool with 16.
_HEADS: Final = {384: 6, 768: 12, 1024: 16, 1408: 16, 3200: 25}
_POOLING_HEADS: Final = 16
_SIDE: Final = 224  # pixels of the pictures that all of them were trained with
_HEAD_OF_BERT: Final = 64
_VIDEO: Final = "vision_encoder."
_TEXT: Final = "text_encoder."


@dataclass(frozen=True)
class Parameters:
    """stride: frames from one window of 16 to the next; 4 to 8 are usual, fewer is finer and slower.

    classes, phases: keys of the taxonomy's actions and phases; said in words they are what stretches are named by.
    """

    stride: int = 8
    classes: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would leave frames out, and what is no word."""
        object.__setattr__(self, "classes", labels_of(self.classes))
        object.__setattr__(self, "phases", labels_of(self.phases))
        if not isinstance(self.stride, int) or not 1 <= self.stride <= 16:
            raise ValueError(f"stride is {self.stride}, but it must be a whole number from 1 to 16.")


def adopted(shapes: Shapes) -> Conversion | None:
    """A checkpoint of the makers as it is: of the first stage (the video encoder) or the second (with a text encoder).

    What its shapes do not say, the numbers of attention heads, the makers' code says for each width.
    """
    start = _VIDEO if f"{_VIDEO}pos_embed" in shapes else ""
    places, patches = shapes.get(f"{start}pos_embed"), shapes.get(f"{start}patch_embed.proj.weight")
    pooled = shapes.get(f"{start}clip_projector.cross_attn.proj.weight")
    inner = shapes.get(f"{start}blocks.0.mlp.fc1.weight")
    # Their other families (CLIP, fine-tuned classifiers) have no such norms, or no such pooling.
    if not places or not patches or not pooled or not inner or f"{start}blocks.0.attn.q_norm.weight" not in shapes:
        return None
    width, tubelet, patch = places[2], patches[2], patches[3]
    frames, rest = divmod(places[1] - 1, (_SIDE // patch) ** 2)
    if width not in _HEADS or rest or not frames:
        return None
    config = {
        "model_type": "internvideo2",
        "embed_dim": width,
        "depth": conversion.layers(shapes, f"{start}blocks.", ".norm1.weight"),
        "num_heads": _HEADS[width],
        "mlp_ratio": inner[0] / width,
        "clip_embed_dim": pooled[0],
        "attn_pool_num_heads": _POOLING_HEADS,
        "image_size": _SIDE,
        "patch_size": patch,
        "num_frames": frames * tubelet,
        "tubelet_size": tubelet,
        "proj_dim": shapes.get("vision_proj.weight", (0,))[0],
    }
    text = _text(shapes)
    return Conversion(config, files={"text_config.json": text} if text else {}, beside=("vocab.txt",))


def _text(shapes: Shapes) -> dict[str, object]:
    """BERT's configuration; empty where there is no text encoder. The layers with cross attention fuse, not read."""
    start = f"{_TEXT}bert." if f"{_TEXT}bert.embeddings.word_embeddings.weight" in shapes else _TEXT
    words = shapes.get(f"{start}embeddings.word_embeddings.weight")
    if not words or "text_proj.weight" not in shapes:
        return {}
    layer = f"{start}encoder.layer."
    count = conversion.layers(shapes, layer, ".attention.self.query.weight")
    fusing = [n for n in range(count) if f"{layer}{n}.crossattention.self.query.weight" in shapes]
    return {
        "vocab_size": words[0],
        "hidden_size": words[1],
        "num_hidden_layers": count,
        "num_attention_heads": words[1] // _HEAD_OF_BERT,
        "intermediate_size": shapes[f"{layer}0.intermediate.dense.weight"][0],
        "max_position_embeddings": shapes[f"{start}embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes[f"{start}embeddings.token_type_embeddings.weight"][0],
        "fusion_layer": min(fusing, default=count),
    }


register(
    LayerEngine(
        layer="actions",
        name="internvideo2",
        title="InternVideo2",
        make="enrichment.engines.internvideo2:InternVideo2",
        version="2",
        kinds=("internvideo2",),
        device="either",
        memory=5 * GIB,
        picture_memory=600 * MIB,
        batch=4,
        packages=("torch", "safetensors", "transformers"),
        Parameters=Parameters,
        note="OpenGVLab publishes it as pickles, such as InternVideo2-stage2_1b-224p-f4.pt (huggingface.co/OpenGVLab): "
        "manage.py convert_weights internvideo2 FILE. To have actions and phases named, take a file of the second "
        "stage and lay the vocab.txt of bert-large-uncased beside it before; or lay text_features.safetensors into the "
        "folder, with one vector a class. Their CLIP models and classifiers are others and are not read.",
        adopt=adopted,
    )
)
