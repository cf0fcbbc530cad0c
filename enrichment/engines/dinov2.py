"""DINOv2: vectors that lie near each other when the same kinds of things are seen from a like side; no words involved.

Source: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR 2024, as transformers has it.
The vector is the class token after the last layer norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Dinov2Model

from enrichment.engines import torch_models
from enrichment.engines.torch_models import Picture

_AS_TRAINED: Final = {
    "size": {"shortest_edge": 256},
    "crop_size": {"height": 224, "width": 224},
    "resample": 3,
}


class Dinov2Pictures:
    """One checkpoint; 384, 768, 1024 or 1536 numbers a picture, by its size."""

    finds = "pictures with the same kinds of things, seen alike"

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, Dinov2Model)
        self._said = _AS_TRAINED | torch_models.preprocessing(folder)
        self._mode = torch_models.resampling(self._said, otherwise=3)
        self.dimensions = int(self._model.config.hidden_size)

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.embed([picture], None)

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Picture], parameters: Any) -> list[NDArray[np.float32]]:
        """See `EmbeddingEngine.embed`; the middle square of each picture is looked at.

        Raises:
            EngineInputError: they are no pictures (height, width, 3) uint8 RGB of one size.
        """
        pixels = torch_models.squared(torch_models.tensor(pictures), self._said, self._mode)
        return torch_models.unit(self._model(pixel_values=torch_models.normalised(pixels, self._said)).pooler_output)
