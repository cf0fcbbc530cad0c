"""RAFT as the flow layer asks for it: weights from a folder, pictures of any size in, flow in pixels out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from enrichment.engines import checkpoints, torch_models
from enrichment.engines.raft_network import SHRINK, SIZES, SMALLEST_SIDE, Raft
from enrichment.engines.torch_models import Picture
from enrichment.errors import EngineInputError


@dataclass(frozen=True)
class Padding:
    """Pixels added around a picture so that the network can halve it three times and look up four levels."""

    left: int
    right: int
    top: int
    bottom: int


class RaftPairs:
    """One checkpoint, large or small."""

    def __init__(self, folder: Path) -> None:
        checkpoints.require_safetensors(folder)
        size = str(json.loads((folder / "config.json").read_text()).get("size", ""))
        if size not in SIZES:
            raise EngineInputError(
                f"The config.json in {folder} says size {size!r}; RAFT comes as {' or '.join(SIZES)}."
            )
        self._network = Raft(size)
        try:
            self._network.load_state_dict(load_file(folder / checkpoints.WEIGHTS))
        except RuntimeError as error:
            raise EngineInputError(f"The weights in {folder} are not RAFT {size}: {error}") from error
        self._network.to(torch_models.device()).eval()

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self._flow([(picture, np.roll(picture, 3, axis=1))], 12)

    def flow(self, pairs: Sequence[tuple[Picture, Picture]], parameters: Any) -> list[NDArray[np.float32]]:
        """See `FlowEngine.flow`; `parameters.iterations` says how often the flow is corrected.

        Raises:
            EngineInputError: they are no pairs of pictures (height, width, 3) uint8 RGB of one size.
        """
        return self._flow(pairs, parameters.iterations)

    @torch.inference_mode()
    def _flow(self, pairs: Sequence[tuple[Picture, Picture]], iterations: int) -> list[NDArray[np.float32]]:
        pixels = torch_models.tensor([first for first, _ in pairs] + [second for _, second in pairs])
        height, width = pixels.shape[-2:]
        around = padding(height, width)
        padded = torch.nn.functional.pad(
            pixels / 127.5 - 1.0, (around.left, around.right, around.top, around.bottom), mode="replicate"
        )
        first, second = padded.chunk(2)
        found = self._network(first, second, iterations)
        inside = found[..., around.top : around.top + height, around.left : around.left + width]
        return list(inside.permute(0, 2, 3, 1).contiguous().float().cpu().numpy())


def padding(height: int, width: int) -> Padding:
    """What lies around a picture of this size, as evenly as possible."""
    down = _missing(height)
    across = _missing(width)
    return Padding(across // 2, across - across // 2, down // 2, down - down // 2)


def _missing(side: int) -> int:
    return max(SMALLEST_SIDE, -(-side // SHRINK) * SHRINK) - side
