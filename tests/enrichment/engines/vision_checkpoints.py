"""Tiny checkpoints of detectors, pose and caption models with random weights, laid out on disk as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertTokenizer,
    DFineConfig,
    DFineForObjectDetection,
    Florence2Config,
    Florence2ForConditionalGeneration,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    PreTrainedTokenizerFast,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
    Sam3Config,
    Sam3Model,
    SwinConfig,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
)

NORMALISED = {"do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
RESCALED = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255}
WORDS = ["a", "the", "red", "block", "blue", "gripper", "thing", "table", "is", "on", "what", "image", "shown", "in"]


def _save(model: Any, folder: Path, preprocessing: dict[str, Any]) -> Path:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(RESCALED | preprocessing))
    return folder


def _stir(module: torch.nn.Module, std: float) -> None:
    """As initialised, last layers are so small that every answer would be the same."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=std)


def _resnet() -> dict[str, Any]:
    return {
        "model_type": "rt_detr_resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 12, 16, 20],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
        "out_features": ["stage2", "stage3", "stage4"],
    }


def _hgnet() -> dict[str, Any]:
    return {
        "model_type": "hgnet_v2",
        "stem_channels": [3, 8, 8],
        "stage_in_channels": [8, 8, 12, 16],
        "stage_mid_channels": [8, 8, 8, 8],
        "stage_out_channels": [8, 12, 16, 20],
        "stage_num_blocks": [1, 1, 1, 1],
        "stage_downsample": [False, True, True, True],
        "stage_light_block": [False, False, True, True],
        "stage_kernel_size": [3, 3, 5, 5],
        "stage_numb_of_layers": [1, 1, 1, 1],
        "embedding_size": 8,
        "hidden_sizes": [8, 12, 16, 20],
        "depths": [1, 1, 1, 1],
        "out_features": ["stage2", "stage3", "stage4"],
    }


def save_detector(folder: Path, *, kind: str = "rt_detr_v2", seed: int = 0) -> Path:
    """A detector of cats and people; random as it is, it sees both everywhere."""
    torch.manual_seed(seed)
    shared: dict[str, Any] = {
        "encoder_hidden_dim": 32,
        "encoder_in_channels": [12, 16, 20],
        "feat_strides": [8, 16, 32],
        "encoder_layers": 1,
        "encoder_ffn_dim": 32,
        "encoder_attention_heads": 2,
        "d_model": 32,
        "num_queries": 20,
        "decoder_in_channels": [32, 32, 32],
        "decoder_ffn_dim": 32,
        "decoder_layers": 2,
        "decoder_attention_heads": 2,
        "num_denoising": 0,
        "hidden_expansion": 0.5,
        "id2label": {0: "cat", 1: "person"},
    }
    model: Any
    if kind == "rt_detr_v2":
        model = RTDetrV2ForObjectDetection(RTDetrV2Config(backbone_config=_resnet(), **shared))
    else:
        model = DFineForObjectDetection(DFineConfig(backbone_config=_hgnet(), **shared))
    for name, parameter in model.named_parameters():
        if "class_embed" in name or "bbox_embed" in name or "score_head" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    said = {"size": {"height": 96, "width": 96}, "resample": 2, "do_normalize": False}
    return _save(model, folder, said)


def save_pose(folder: Path, *, keypoints: int = 17, experts: int = 1, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    backbone = VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[8, 8],
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        num_experts=experts,
        part_features=12 if experts > 1 else 0,
        out_features=["stage2"],
    )
    model = VitPoseForPoseEstimation(
        VitPoseConfig(backbone_config=backbone, num_labels=keypoints, use_simple_decoder=True)
    )
    _stir(model.head, 0.3)
    return _save(
        model,
        folder,
        NORMALISED | {"size": {"height": 64, "width": 48}, "do_affine_transform": True, "do_resize": False},
    )


def save_grounding(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS]))
    words = BertTokenizer(str(folder / "vocab.txt"), model_max_length=64)
    words.save_pretrained(folder)
    backbone = SwinConfig(
        image_size=64,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    text = BertConfig(
        vocab_size=len(words),
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    config = GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        num_queries=12,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        d_model=32,
        max_text_len=64,
    )
    model = GroundingDinoForObjectDetection(config)
    for name, parameter in model.named_parameters():
        if "text_projection" in name or "enc_output" in name or "bbox_embed" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return _save(model, folder, NORMALISED | {"size": {"shortest_edge": 64, "longest_edge": 96}, "resample": 2})


def save_florence(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {token: at for at, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *sorted(letters)])}
    plain = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
    )
    words = PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    words.add_tokens([f"<loc_{number}>" for number in range(1000)])
    words.add_special_tokens({"additional_special_tokens": ["<image>"]})
    words.save_pretrained(folder)
    vision = {
        "depths": [1, 1, 1, 1],
        "embed_dim": [8, 8, 8, 16],
        "num_heads": [1, 1, 1, 2],
        "num_groups": [1, 1, 1, 2],
        "window_size": 4,
        "projection_dim": 24,
    }
    text = {
        "model_type": "bart",
        "vocab_size": len(words),
        "d_model": 24,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
    }
    config = Florence2Config(
        vision_config=vision, text_config=text, image_token_id=words.convert_tokens_to_ids("<image>")
    )
    model = Florence2ForConditionalGeneration(config)
    _stir(model.model.language_model.shared, 1.0)
    # Or every answer ends before it begins: what begins an answer is also what ends it.
    torch.nn.init.zeros_(model.model.language_model.shared.weight[2])
    return _save(model, folder, NORMALISED | {"size": {"height": 64, "width": 64}, "resample": 3})


def save_concepts(folder: Path, *, seed: int = 0) -> Path:
    """SAM 3."""
    torch.manual_seed(seed)
    vocabulary = {token: at for at, token in enumerate(["<|startoftext|>", "<|endoftext|>", "<unk>", *WORDS])}
    plain = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 0), ("<|endoftext|>", 1)]
    )
    words = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        unk_token="<unk>",
    )
    words.save_pretrained(folder)
    side, patch = 112, 14
    cells = side // patch
    small = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32, "num_layers": 1}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": side,
                "patch_size": patch,
                "window_size": 4,
                "global_attn_indexes": [1],
                "pretrain_image_size": side,
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[4 * cells] * 2, [2 * cells] * 2, [cells] * 2],
        },
        text_config={
            "vocab_size": len(words),
            "hidden_size": 16,
            "intermediate_size": 32,
            "projection_dim": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
        },
        geometry_encoder_config=small,
        detr_encoder_config=small,
        detr_decoder_config=small | {"num_queries": 10},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )
    model = Sam3Model(config)
    for name, parameter in model.named_parameters():
        if "mask_decoder" in name or "dot_product" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return _save(
        model,
        folder,
        {
            "size": {"height": side, "width": side},
            "do_normalize": True,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
        },
    )
