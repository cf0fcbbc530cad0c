"""The video encoder of InternVideo2, as its paper describes it, with the parameter names of its makers.

Source: Wang et al., "InternVideo2: Scaling Foundation Models for Multimodal Video Understanding", ECCV 2024; a plain
vision transformer over tubelets with joint space-time attention, RMS norms, normalised queries and keys, layer scale
(Touvron et al., "Going deeper with Image Transformers", ICCV 2021), and attention pooling as in CoCa (Yu et al. 2022).
Written from the paper; the heads that only the distillation needs (`clip_decoder`, `final_clip_decoder`) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """What a checkpoint's config.json says; the defaults are the 1B model's.

    num_frames pictures of image_size² pixels go in, in tubelets of tubelet_size x patch_size². clip_embed_dim numbers
    come out of the pooling, projected to proj_dim for the comparison with text where proj_dim is not 0.
    """

    embed_dim: int = 1408
    depth: int = 40
    num_heads: int = 16
    mlp_ratio: float = 48 / 11
    clip_embed_dim: int = 768
    attn_pool_num_heads: int = 16
    image_size: int = 224
    patch_size: int = 14
    num_frames: int = 8
    tubelet_size: int = 1
    proj_dim: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """The fields that a config names, the others as they are."""
        return cls(**{each.name: config[each.name] for each in fields(cls) if each.name in config})

    @property
    def tokens(self) -> int:
        """Tubelets of one window."""
        return (self.num_frames // self.tubelet_size) * (self.image_size // self.patch_size) ** 2


class VideoEncoder(nn.Module):
    """(n, 3, num_frames, image_size, image_size) normalised pixels to (n, proj_dim or clip_embed_dim)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": _tubelets(shape)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.embed_dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.tokens + 1, shape.embed_dim))
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.depth))
        self.clip_projector = _Pooling(shape)
        self.vision_proj = nn.Linear(shape.clip_embed_dim, shape.proj_dim) if shape.proj_dim else None

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        tubelets = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)  # time, then rows, then columns
        first = self.cls_token.expand(len(tubelets), -1, -1)
        tokens = torch.cat([first, tubelets], dim=1) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        pooled: torch.Tensor = self.clip_projector(tokens)
        return pooled if self.vision_proj is None else self.vision_proj(pooled)


class _RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self._eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled = x.float() * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + self._eps)
        return self.weight * scaled.to(x.dtype)


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class _Attention(nn.Module):
    """Self-attention whose queries and keys are normalised over all heads together."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_norm, self.k_norm = _RmsNorm(width), _RmsNorm(width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        found = _attend(self.q_norm(q), self.k_norm(k), v, self._heads)
        return torch.as_tensor(self.proj(found))


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.embed_dim, int(shape.embed_dim * shape.mlp_ratio)
        self.norm1, self.norm2 = _RmsNorm(width), _RmsNorm(width)
        self.attn = _Attention(width, shape.num_heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})
        self.ls1, self.ls2 = _Scale(width), _Scale(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        inner = functional.gelu(self.mlp["fc1"](self.norm2(x)))
        return x + self.ls2(self.mlp["fc2"](inner))


class _Cross(nn.Module):
    """Attention of one query over all tokens; biases lie beside the weights, as the makers keep them."""

    def __init__(self, width: int, heads: int, out: int) -> None:
        super().__init__()
        self._heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.q_bias, self.k_bias, self.v_bias = (nn.Parameter(torch.zeros(width)) for _ in range(3))
        self.proj = nn.Linear(width, out)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        found = _attend(self.q(q) + self.q_bias, self.k(k) + self.k_bias, self.v(v) + self.v_bias, self._heads)
        return torch.as_tensor(self.proj(found))


class _Pooling(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.embed_dim
        self.norm1_q, self.norm1_k, self.norm1_v = (nn.LayerNorm(width, eps=1e-5) for _ in range(3))
        self.cross_attn = _Cross(width, shape.attn_pool_num_heads, shape.clip_embed_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(1, keepdim=True)
        return torch.as_tensor(self.cross_attn(self.norm1_q(mean), self.norm1_k(x), self.norm1_v(x)).squeeze(1))


def _tubelets(shape: Shape) -> nn.Conv3d:
    size = (shape.tubelet_size, shape.patch_size, shape.patch_size)
    return nn.Conv3d(3, shape.embed_dim, kernel_size=size, stride=size)


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
    """(n, tokens, width) each, cut into heads, attended and put together again."""
    q, k, v = (each.reshape(*each.shape[:2], heads, -1).transpose(1, 2) for each in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
