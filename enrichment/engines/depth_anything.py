"""Depth Anything V2: depth from single pictures, relative or in metres, by what the weights were trained for.

Source: Yang et al., "Depth Anything V2", NeurIPS 2024, as transformers has it. Relative weights give inverse depth up
to an unknown scale and shift for each picture: more is nearer, and no number of it is a length. Metric weights,
fine-tuned indoors (Hypersim, to 20 m) or outdoors (Virtual KITTI 2, to 80 m), give metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DepthAnythingForDepthEstimation

from enrichment.engines import torch_models
from enrichment.engines.torch_models import Picture


class DepthAnything:
    """One checkpoint; `metric` says whether its depths are metres."""

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, DepthAnythingForDepthEstimation)
        self._said = torch_models.preprocessing(folder, square=True)
        self._mode = torch_models.resampling(self._said, otherwise=3)
        self.metric = self._model.config.depth_estimation_type == "metric"

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.estimate([picture], None)

    @torch.inference_mode()
    def estimate(self, pictures: Sequence[Picture], parameters: Any) -> list[NDArray[np.float32]]:
        """Depth of pictures of one size.

        Args:
            pictures: (height, width, 3) uint8 RGB each.
            parameters: none are used.

        Returns:
            For each picture (height, width) float32: metres when `metric`, else inverse depth of no unit, 0 or more.

        Raises:
            EngineInputError: they are no such pictures.
        """
        pixels = torch_models.tensor(pictures)
        height, width = pixels.shape[-2:]
        ready = torch_models.normalised(
            torch_models.resized(pixels, self.working_size(height, width), self._mode), self._said
        )
        found = self._model(pixel_values=ready).predicted_depth
        full = torch.nn.functional.interpolate(found[:, None], size=(height, width), mode="bicubic")[:, 0]
        # Cubic interpolation swings below zero beside an edge, where there is no depth.
        return list(full.clamp(min=0.0).float().cpu().numpy())

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which the model looks at a picture: close to its training size, in whole patches."""
        size = torch_models.height_and_width(self._said, 518)
        multiple = int(self._said.get("ensure_multiple_of", 14))
        tall, wide = size[0] / height, size[1] / width
        if self._said.get("keep_aspect_ratio", True):
            tall = wide = wide if abs(1 - wide) < abs(1 - tall) else tall
        return _whole(tall * height, multiple), _whole(wide * width, multiple)


def _whole(pixels: float, multiple: int) -> int:
    return max(round(pixels / multiple), math.ceil(1 / multiple)) * multiple
