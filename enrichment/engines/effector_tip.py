"""The point of a hand or gripper that touches things, in the picture and before the camera, from its mask. Arrays only.

The tip is the part of the mask that is farthest from where the arm comes from: from the arm's own mask where that
touches, else from where the mask crosses the picture's border; from above, as tools hang, where neither says. Its point
is the middle of that part: of two fingers, the point between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.camera_space import Lens

_BAND: Final = 0.35  # of the mask's length, at its far end, is where its fingers are told apart
_FINGER: Final = 0.15  # of the band's pixels, at least, are a finger
_END: Final = 0.3  # of a finger's pixels there are its tip
_LEAST: Final = 12  # pixels of a mask
_NEAR: Final = 7  # pixels within which an arm's mask touches
_TELLS: Final = (
    0.25  # of the mask's size (the root of its area) its middle lies away from where the arm touches, at least
)
_LEAST_KNOWN: Final = 0.3  # share of the tip's pixels whose depth is known

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tip:
    """at: (x, y) pixels. pixels: (n, 2) int (row, column) of the tip."""

    at: tuple[float, float]
    pixels: NDArray[np.intp]


def find(mask: Mask, arm: Mask | None = None) -> Tip | None:
    """The tip of a mask; None where it is too small to have one.

    Args:
        mask: (height, width) bool, the hand or gripper.
        arm: likewise, what it hangs on, if that has a mask of its own.
    """
    ys, xs = np.nonzero(mask)
    if len(xs) < _LEAST:
        return None
    away = _away(mask, arm, xs, ys)
    band = np.zeros(mask.shape, dtype=np.uint8)
    last = away >= away.max() - _BAND * np.ptp(away)
    band[ys[last], xs[last]] = 1
    count, fingers = cv2.connectedComponents(band, connectivity=8)
    finger = fingers[ys, xs]
    ends = []
    for number in range(1, count):
        own = np.flatnonzero(finger == number)
        if len(own) >= _FINGER * last.sum():
            ends.append(own[away[own] >= np.quantile(away[own], 1 - _END)])
    if not ends:  # specks, none of which is a finger
        ends = [np.flatnonzero(last)]
    middles = np.array([(xs[end].mean(), ys[end].mean()) for end in ends])
    far = np.concatenate(ends)
    x, y = middles.mean(axis=0)
    return Tip((float(x), float(y)), np.stack([ys[far], xs[far]], axis=1))


def distance(tip: Tip, depth: NDArray[np.float32]) -> float | None:
    """How far the tip is along the optical axis, in metres; None where that is not known.

    Beside a tip lies the table, and a mask's edge is never exact: of the known depths the nearer half counts, by its
    median.

    Args:
        depth: (height, width) metres, 0 where nothing is known.
    """
    there = depth[tip.pixels[:, 0], tip.pixels[:, 1]]
    known = np.sort(there[there > 0])
    if len(known) < max(1.0, _LEAST_KNOWN * len(there)):
        return None
    return float(np.median(known[: max(1, len(known) // 2)]))


def direction(at: tuple[float, float], lens: Lens) -> NDArray[np.float64]:
    """(3,) unit vector from the camera through a pixel: x right, y down, z away."""
    ray = np.array([(at[0] - lens.cx) / lens.fx, (at[1] - lens.cy) / lens.fy, 1.0])
    return np.asarray(ray / np.linalg.norm(ray), dtype=np.float64)


def in_space(at: tuple[float, float], metres: float, lens: Lens) -> NDArray[np.float64]:
    """(3,) metres of a pixel that is so far away along the optical axis."""
    return np.array([(at[0] - lens.cx) * metres / lens.fx, (at[1] - lens.cy) * metres / lens.fy, metres])


def _away(mask: Mask, arm: Mask | None, xs: NDArray[np.intp], ys: NDArray[np.intp]) -> NDArray[np.float64]:
    """How far each pixel of the mask is from where the arm comes from, along the way from there to the mask's middle.

    Along that way and not as the crow flies: of two fingers the one to the side would be the farther one.
    """
    height, width = mask.shape
    rims = []
    if arm is not None:
        wide = cv2.dilate(arm.astype(np.uint8), np.ones((_NEAR, _NEAR), np.uint8)) > 0
        rims.append(wide[ys, xs])
    rims.append((xs < 2) | (ys < 2) | (xs >= width - 2) | (ys >= height - 2))
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    root = next((points[rim] for rim in rims if rim.any()), None)
    if root is not None:
        axis = points.mean(axis=0) - root.mean(axis=0)
        length = float(np.linalg.norm(axis))
        # An arm that passes before the hand touches it all around, and says nothing of where it comes from.
        if length >= _TELLS * len(points) ** 0.5:
            return points @ (axis / length)
    return ys.astype(np.float64)
