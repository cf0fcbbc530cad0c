"""Tiny SAM 2 checkpoints with random weights, laid out on disk as the real ones are."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

SIDE = 128


def backbone() -> dict[str, object]:
    return {
        "hidden_size": 16,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 1, 1],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    }


def picture_config() -> Sam2Config:
    small = SIDE // 4
    return Sam2Config(
        vision_config={
            "backbone_config": {"model_type": "sam2_hiera_det_model", **backbone()},
            "backbone_channel_list": [128, 64, 32, 16],
            "backbone_feature_sizes": [[small, small], [small // 2, small // 2], [small // 4, small // 4]],
            "fpn_hidden_size": 128,
        },
        prompt_encoder_config={"hidden_size": 128, "image_size": SIDE, "patch_size": 16},
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 128, "num_attention_heads": 4, "iou_head_hidden_dim": 64},
    )


def save_picture_model(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    model = Sam2Model(picture_config())
    # As initialised, many layers are zero and every answer would be empty.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


def save_video_model(folder: Path, *, seed: int = 0, sees: bool = True) -> Path:
    torch.manual_seed(seed)
    pictures = picture_config()
    config = Sam2VideoConfig(
        vision_config=pictures.vision_config.to_dict(),
        prompt_encoder_config=pictures.prompt_encoder_config.to_dict(),
        mask_decoder_config=pictures.mask_decoder_config.to_dict(),
        image_size=SIDE,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[SIDE // 16, SIDE // 16],
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=64,
    )
    model = Sam2VideoModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    # Sure that there is an object, or every mask of random weights might be empty.
    torch.nn.init.constant_(model.mask_decoder.pred_obj_score_head.proj_out.bias, 40.0 if sees else -40.0)
    model.save_pretrained(folder)
    return folder


def take_one_out(folder: Path, name: str) -> Path:
    """The same weights without the tensor of that name."""
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
