"""SAM 2 loaded from a folder, and its pictures in and masks out; for single pictures and for video.

Source: Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024, as transformers has it. What goes in
and comes out is written here, because the library's processor imports torchvision, whose wheels link CUDA.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from enrichment.engines import checkpoints, torch_models

# ImageNet's, which SAM 2 was trained with.
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_STD: Final = np.array([0.229, 0.224, 0.225], np.float32)


def load(folder: Path, kind: Any) -> tuple[Any, str]:
    """A model of class `kind` with the weights in a folder, see `torch_models.load`, and the weights' SHA-256.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """
    return torch_models.load(folder, kind), checkpoints.digest(folder)


def pixels(picture: NDArray[np.uint8], side: int) -> torch.Tensor:
    """A picture (height, width, 3) uint8 RGB as the model wants it: (1, 3, side, side) float32, normalised.

    It is stretched to a square, as in training. Measured against the library's own Sam2ImageProcessor (transformers
    5.23, torchvision 0.28) on frames of two real clips, a crop that is enlarged, and noise: the same to 0.00002 of a
    grey level; scaled as floats and rounded, 7-20 % of the values would be one level off.
    """
    # As bytes, as the library does.
    tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    square = torch.nn.functional.interpolate(
        tensor, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    mean, std = torch.from_numpy(_MEAN).view(1, 3, 1, 1), torch.from_numpy(_STD).view(1, 3, 1, 1)
    return (square.float() / 255.0 - mean) / std


def enlarged(logits: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """A mask (height, width) bool of low-resolution logits (rows, columns) float32: inside where they are above 0.

    Measured against the library's own on random logits: 3 in a million pixels differ, where the logit is all but 0.
    """
    return np.asarray(cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR) > 0.0, dtype=np.bool_)
