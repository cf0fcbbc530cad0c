"""CLIP's picture encoder: vectors that lie near each other when the pictures would be described alike.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, as
transformers has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPConfig, CLIPVisionModelWithProjection

from enrichment.engines import torch_models
from enrichment.engines.torch_models import Picture

_AS_TRAINED: Final = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "resample": 3,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


class ClipPictures:
    """One checkpoint; 768 numbers a picture for ViT-L/14."""

    finds = "pictures that would be described alike"

    def __init__(self, folder: Path) -> None:
        config: Any = CLIPConfig.from_pretrained(folder)
        # The whole model's projection counts; some checkpoints leave the picture encoder's at another default.
        config.vision_config.projection_dim = config.projection_dim
        self._model = torch_models.load(folder, CLIPVisionModelWithProjection, config.vision_config)
        self._said = _AS_TRAINED | torch_models.preprocessing(folder)
        self._mode = torch_models.resampling(self._said, otherwise=3)
        self.dimensions = int(self._model.config.projection_dim)

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
        return torch_models.unit(self._model(pixel_values=torch_models.normalised(pixels, self._said)).image_embeds)
