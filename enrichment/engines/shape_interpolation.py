"""The shape between two shapes: moved, turned, scaled and reformed evenly from one mask to another.

Source: shape-based interpolation of signed distances, Raya and Udupa, "Shape-Based Interpolation of Multidimensional
Objects", IEEE Trans. Medical Imaging 1990; here after the two shapes were brought onto each other by a similarity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

NAME: Final = "interpolation"
VERSION: Final = "1"

Mask = NDArray[np.bool_]

_TURNS: Final = np.deg2rad(np.arange(-90, 91, 10))
_SEARCH_SIDE: Final = 96
# A turn must explain the second shape so much better than none, in IoU: round things have no direction.
_TURN_GAIN: Final = 0.03
_MARGIN: Final = 2


@dataclass(frozen=True)
class _Shape:
    """A mask's signed distance around its box, positive inside; where that lies; centre (x, y) and size in pixels."""

    distance: NDArray[np.float32]
    corner: tuple[int, int]
    centre: NDArray[np.float64]
    size: float

    @classmethod
    def of(cls, mask: Mask) -> _Shape:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            raise EngineInputError("Shapes can only be made between two masks that have pixels; one of these is empty.")
        top, left = int(rows[0]), int(columns[0])
        part = mask[top : rows[-1] + 1, left : columns[-1] + 1]
        # Beyond its box a distance is only continued, so the box is given a margin of the shape's own size.
        margin = _MARGIN + max(part.shape) // 2
        inside = np.pad(part, margin).astype(np.uint8)
        near = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
        # The outline lies between pixels: half a pixel from the centres of those on either side.
        distance = np.where(inside > 0, near - 0.5, near + 0.5).astype(np.float32)
        ys, xs = np.nonzero(part)
        centre = np.array([xs.mean() + left, ys.mean() + top])
        return cls(distance, (left - margin, top - margin), centre, float(np.sqrt(len(xs))))

    def placed(
        self, centre: NDArray[np.float64], scale: float, turn: float, corner: tuple[int, int], size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Its signed distance (h, w) on a canvas at `corner` (x, y), after it was scaled, turned and moved."""
        cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
        back = np.array([[cos, sin], [-sin, cos]])
        shift = self.centre - np.array(self.corner) - back @ (centre - np.array(corner))
        matrix = np.hstack([back, shift[:, None]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        height, width = size
        moved = cv2.warpAffine(self.distance, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved * np.float32(scale), dtype=np.float32)


class Between:
    """Shapes between two masks (height, width) of one picture size, each with at least one pixel.

    Raises:
        EngineInputError: the sizes differ, or a mask is empty.
    """

    def __init__(self, first: Mask, second: Mask) -> None:
        if first.shape != second.shape:
            raise EngineInputError(f"Shapes of different pictures cannot be blended: {first.shape} and {second.shape}.")
        self._picture = first.shape
        self._first, self._second = _Shape.of(first), _Shape.of(second)
        self._turn, self.likeness = _likeness(self._first, self._second)

    def at(self, share: float) -> Mask:
        """The shape at `share` of the way, 0 the first and 1 the second, as (height, width) bool."""
        a, b = self._first, self._second
        centre = (1 - share) * a.centre + share * b.centre
        size = a.size ** (1 - share) * b.size**share
        reach = int(np.ceil(0.5 * max(max(a.distance.shape) * size / a.size, max(b.distance.shape) * size / b.size)))
        x, y = np.floor(centre).astype(int) - reach
        height, width = self._picture
        left, top, right, bottom = max(0, x), max(0, y), min(width, x + 2 * reach), min(height, y + 2 * reach)
        found = np.zeros(self._picture, dtype=np.bool_)
        if right <= left or bottom <= top:
            return found
        canvas = ((left, top), (bottom - top, right - left))
        one = a.placed(centre, size / a.size, share * self._turn, *canvas)
        other = b.placed(centre, size / b.size, (share - 1) * self._turn, *canvas)
        shape = (1 - share) * one + share * other > 0
        if not shape.any():
            shape = (one if share < 0.5 else other) > 0
        found[top:bottom, left:right] = shape
        return found


def _likeness(a: _Shape, b: _Shape) -> tuple[float, float]:
    """The turn in radians that brings the first shape best onto the second, and their IoU then."""
    reach = 1.1 * max(max(shape.distance.shape) / (2 * shape.size) for shape in (a, b))
    scale = _SEARCH_SIDE / (2 * reach)
    centre = np.full(2, _SEARCH_SIDE / 2)
    canvas = ((0, 0), (_SEARCH_SIDE, _SEARCH_SIDE))
    still = b.placed(centre, scale / b.size, 0.0, *canvas) > 0

    def overlap(turn: float) -> float:
        moved = a.placed(centre, scale / a.size, turn, *canvas) > 0
        return float((moved & still).sum()) / max(1.0, float((moved | still).sum()))

    unturned = overlap(0.0)
    best = max(_TURNS, key=overlap)
    fine = max(best + np.deg2rad(np.arange(-8, 9, 2)), key=overlap)
    turned = overlap(fine)
    return (float(fine), turned) if turned > unturned + _TURN_GAIN else (0.0, unturned)
