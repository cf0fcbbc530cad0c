"""Tiny InternVideo2 checkpoints with random weights, under the names and in the shapes of the makers' files."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, BertTokenizer

WORDS = ["pick", "and", "place", "pour", "a", "video", "of", "someone", "doing", "this", "hand", "or", "robot"]

CONFIG = {
    "model_type": "internvideo2", "embed_dim": 24, "depth": 2, "num_heads": 4, "mlp_ratio": 2.0, "clip_embed_dim": 12,
    "attn_pool_num_heads": 3, "image_size": 28, "patch_size": 14, "num_frames": 4, "tubelet_size": 1, "proj_dim": 8,
}  # fmt: skip


def names_and_shapes(depth: int = 2, width: int = 24, inner: int = 48, pooled: int = 12) -> dict[str, tuple[int, ...]]:
    """As `PretrainInternVideo2.state_dict()` lists them, beside the projection of the whole model."""
    found: dict[str, tuple[int, ...]] = {
        "vision_encoder.cls_token": (1, 1, width),
        "vision_encoder.pos_embed": (1, 4 * 4 + 1, width),
        "vision_encoder.clip_pos_embed": (1, 4 * 4 + 1, width),
        "vision_encoder.patch_embed.proj.weight": (width, 3, 1, 14, 14),
        "vision_encoder.patch_embed.proj.bias": (width,),
        "vision_encoder.clip_decoder.0.head.weight": (5, width),
        "vision_proj.weight": (8, pooled),
        "vision_proj.bias": (8,),
    }
    for n in range(depth):
        block = f"vision_encoder.blocks.{n}."
        norms = ("norm1.weight", "norm2.weight", "attn.q_norm.weight", "attn.k_norm.weight", "ls1.gamma", "ls2.gamma")
        found |= {block + name: (width,) for name in norms}
        found |= {block + "attn.qkv.weight": (3 * width, width), block + "attn.proj.weight": (width, width)}
        found |= {block + "attn.proj.bias": (width,), block + "mlp.fc1.weight": (inner, width)}
        found |= {block + "mlp.fc1.bias": (inner,), block + "mlp.fc2.weight": (width, inner)}
        found[block + "mlp.fc2.bias"] = (width,)
    pool = "vision_encoder.clip_projector."
    for side in "qkv":
        found |= {f"{pool}norm1_{side}.{kind}": (width,) for kind in ("weight", "bias")}
        found |= {f"{pool}cross_attn.{side}.weight": (width, width), f"{pool}cross_attn.{side}_bias": (width,)}
    return found | {f"{pool}cross_attn.proj.weight": (pooled, width), f"{pool}cross_attn.proj.bias": (pooled,)}


def add_text(folder: Path, *, layers: int = 3, fusion: int = 2, width: int = 16, seed: int = 1) -> BertModel:
    """A text encoder under its makers' names into a saved checkpoint; returns the BERT that reads text alone.

    The layers from `fusion` on have cross attention, as the makers' have, and are of no use here.
    """
    torch.manual_seed(seed)
    said = {
        "vocab_size": 5 + len(WORDS), "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 48,
    }  # fmt: skip
    whole = BertModel(BertConfig(**said), add_pooling_layer=False)
    tensors = load_file(folder / "model.safetensors")
    tensors |= {f"text_encoder.bert.{name}": value.clone() for name, value in whole.state_dict().items()}
    tensors[f"text_encoder.bert.encoder.layer.{fusion}.crossattention.self.query.weight"] = torch.zeros(width, width)
    tensors["text_encoder.cls.predictions.bias"] = torch.zeros(5)
    tensors |= {"text_proj.weight": torch.randn(8, width), "text_proj.bias": torch.randn(8)}
    save_file(tensors, folder / "model.safetensors")
    (folder / "text_config.json").write_text(json.dumps(said | {"fusion_layer": fusion}))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=48).save_pretrained(folder)
    whole.encoder.layer = whole.encoder.layer[:fusion]
    return whole.eval()


def save(folder: Path, *, seed: int = 0, texts: dict[str, torch.Tensor] | None = None) -> Path:
    folder.mkdir(parents=True)
    dice = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=dice) * 0.3 for name, shape in names_and_shapes().items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    if texts:
        save_file(texts, folder / "text_features.safetensors")
    return folder
