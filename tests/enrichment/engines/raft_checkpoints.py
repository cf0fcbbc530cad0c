"""RAFT checkpoints with weights that a formula gives, the same under any version of any library."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from enrichment.engines.raft_network import Raft


def known_weights(like: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of these names and shapes, each drawn by numpy from a seed that its name gives."""
    made = {}
    for name, tensor in like.items():
        numbers = np.random.default_rng(zlib.crc32(name.encode()))
        if name.endswith("num_batches_tracked"):
            made[name] = torch.zeros_like(tensor)
        elif name.endswith("running_var"):
            made[name] = torch.from_numpy(numbers.uniform(0.5, 2, tensor.shape).astype(np.float32))
        else:
            spread = 1.4 / np.sqrt(max(1, tensor[0].numel())) if tensor.ndim == 4 else 0.1
            made[name] = torch.from_numpy(numbers.normal(0, spread, tensor.shape).astype(np.float32))
    return made


def known_pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures (1, 3, 128, 160), -1 to 1, the second one moved by (3, 2) pixels."""
    coarse = np.random.default_rng(5).uniform(-1, 1, (1, 3, 16, 20)).astype(np.float32)
    first = torch.nn.functional.interpolate(torch.from_numpy(coarse), size=(128, 160), mode="bilinear")
    return first, torch.roll(first, (2, 3), (2, 3))


def save(folder: Path, size: str = "small") -> Path:
    folder.mkdir(parents=True)
    save_file(known_weights(Raft(size).state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({"model_type": "raft", "size": size}))
    return folder
