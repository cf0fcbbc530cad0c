"""Tiny CLIP and DINOv2 checkpoints with random weights, laid out on disk as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model


def save_clip(folder: Path, *, seed: int = 0, bare: bool = True) -> Path:
    """A whole CLIP, text encoder and all, as it lies on the hub: `bare` with lengths as its makers wrote them, bare
    numbers, otherwise as the library writes them today.
    """
    torch.manual_seed(seed)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 40, "projection_dim": 12},
        vision_config={
            **small,
            "image_size": 28,
            "patch_size": 14,
        },  # its own projection_dim is left at a default that is not the model's
        projection_dim=12,
    )
    CLIPModel(config).save_pretrained(folder)
    said = {
        "image_processor_type": "CLIPImageProcessor",
        "size": 28 if bare else {"shortest_edge": 28},
        "crop_size": 28 if bare else {"height": 28, "width": 28},
        "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


def save_dinov2(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    config = Dinov2Config(hidden_size=18, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    said = {
        "image_processor_type": "BitImageProcessor",
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 28, "width": 28},
        "resample": 3,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder
