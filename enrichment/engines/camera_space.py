"""Points of pictures in space: metres in the camera's coordinates, from depth and the lens. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_REACH: Final = 2  # pixels around a keypoint whose depths are asked
_LEAST_KNOWN: Final = 0.3


@dataclass(frozen=True)
class Lens:
    """A pinhole: focal lengths and principal point in pixels of the clip. Frames are taken to be without distortion."""

    fx: float
    fy: float
    cx: float
    cy: float


def in_space(
    points: NDArray[np.float32], depth: NDArray[np.float32], lens: Lens, least: float = 0.2
) -> NDArray[np.float32]:
    """Keypoints back-projected through the lens: x to the right, y down, z away from the camera.

    Depth beside a hand's edge is the table's, and the table is farther: of the depths around a keypoint the nearer
    third is taken, by its median.

    Args:
        points: (n, 3) x, y in pixels and confidence.
        depth: (height, width) metres, 0 where nothing is known.
        lens: see `Lens`.
        least: keypoints less sure than this are not placed.

    Returns:
        (n, 3) float32 metres; NaN where the keypoint lies outside, is not sure, or has no known depth.
    """
    placed = np.full((len(points), 3), np.nan, dtype=np.float32)
    height, width = depth.shape
    for at, (x, y, sure) in enumerate(np.asarray(points, dtype=np.float64)):
        column, row = round(float(x)), round(float(y))
        if sure < least or not (0 <= column < width and 0 <= row < height):
            continue
        around = depth[
            max(0, row - _REACH) : row + _REACH + 1,
            max(0, column - _REACH) : column + _REACH + 1,
        ]
        known = np.sort(around[around > 0])
        if len(known) < _LEAST_KNOWN * around.size:
            continue
        z = float(np.median(known[: max(1, len(known) // 3)]))
        placed[at] = ((x - lens.cx) * z / lens.fx, (y - lens.cy) * z / lens.fy, z)
    return placed
