"""A 682-number description of how a picture looks: colour, shape and fine texture.

Good for near-duplicates; it knows nothing of meaning. Sources: HSV histogram after Swain and Ballard 1991; HOG, Dalal
and Triggs 2005; uniform local binary patterns, Ojala, Pietikäinen and Mäenpää 2002. Histograms are square-rooted
(Hellinger kernel), so that the cosine of two descriptions is a sum of Bhattacharyya coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

NAME: Final = "hsv-hog-lbp"
VERSION: Final = "1"

_HSV_BINS: Final = (12, 5, 5)
_HSV_RANGES: Final = (0.0, 180.0, 0.0, 256.0, 0.0, 256.0)
_SIDE: Final = 64
_HOG: Final = cv2.HOGDescriptor((_SIDE, _SIDE), (32, 32), (16, 16), (16, 16), 9)
_LBP_SIDE: Final = 128


def _uniform_patterns() -> NDArray[np.int64]:
    """Index 0..57 for the 58 codes with at most two 0/1 changes around the circle, 58 for all others."""
    index = np.full(256, 58, dtype=np.int64)
    found = 0
    for code in range(256):
        bits = [(code >> k) & 1 for k in range(8)]
        if sum(bits[k] != bits[(k + 1) % 8] for k in range(8)) <= 2:
            index[code] = found
            found += 1
    return index


_UNIFORM: Final = _uniform_patterns()
DIMENSIONS: Final = _HSV_BINS[0] * _HSV_BINS[1] * _HSV_BINS[2] + 324 + 58


class Appearance:
    """Descriptions as the embeddings layer asks for them."""

    dimensions = DIMENSIONS
    finds = "near-duplicates, not meaning"

    def rehearse(self, picture: NDArray[np.uint8]) -> None:
        """See `Model.rehearse`."""
        describe(picture)

    def embed(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any) -> list[NDArray[np.float32]]:
        """See `EmbeddingEngine.embed`."""
        return [describe(picture) for picture in pictures]


def describe(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe one picture.

    Args:
        frame: (height, width, 3) uint8 RGB, any size of at least 8x8.

    Returns:
        (682,) float32 of length 1: 300 colour, 324 shape and 58 texture numbers, each family with the same weight.

    Raises:
        EngineInputError: not an 8-bit colour picture, or smaller than 8 pixels.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise EngineInputError(f"A description needs an 8-bit RGB picture, but this is {frame.shape} {frame.dtype}.")
    if min(frame.shape[:2]) < 8:
        raise EngineInputError(
            f"A description needs at least 8x8 pixels, but this is {frame.shape[1]}x{frame.shape[0]}."
        )
    small = np.asarray(cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    families = [_colour(small), _shape(grey), _texture(grey)]
    joined = np.concatenate([_unit(family) for family in families])
    return _unit(joined)


def _colour(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    histogram = cv2.calcHist([hsv], [0, 1, 2], None, list(_HSV_BINS), list(_HSV_RANGES)).ravel()
    return np.sqrt(histogram / histogram.sum()).astype(np.float32)


def _shape(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    reduced = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(_HOG.compute(reduced), dtype=np.float32).ravel()


def _texture(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    # Codes are taken at a reduced size and with a margin of 2 grey levels, or sensor noise alone would decide them.
    reduced = cv2.resize(grey, (_LBP_SIDE, _LBP_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    centre = reduced[1:-1, 1:-1]
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    code = np.zeros(centre.shape, dtype=np.int64)
    for bit, (dy, dx) in enumerate(around):
        neighbour = reduced[dy : dy + centre.shape[0], dx : dx + centre.shape[1]]
        code |= (neighbour > centre + 2).astype(np.int64) << bit
    histogram = np.bincount(_UNIFORM[code].ravel(), minlength=59)[:58].astype(np.float32)
    return np.sqrt(histogram / max(1.0, float(histogram.sum()))).astype(np.float32)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return (vector / length).astype(np.float32) if length > 0 else vector.astype(np.float32)
