"""The outline of a mask: where most of what a thing looks like is, also of one that is evenly coloured."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Mask, Points

_FROM_BORDER: Final = 3
_CONTAINED: Final = 0.9  # of the smaller mask in the larger one
_WITHIN: Final = 2  # pixels from the outline: more of the patch is the thing's, and not the ground's that stays


def rim_of(mask: Mask) -> Mask:
    """(h, w) bool: pixels just within the outline, which is in their patches then; none at the picture's border."""
    whole, one = mask.astype(np.uint8), np.ones((3, 3), np.uint8)
    outer, inner = (cv2.erode(whole, one, iterations=depth, borderValue=0) for depth in (_WITHIN, _WITHIN + 1))
    rim = (outer > 0) & (inner == 0)
    near = _FROM_BORDER
    rim[:near], rim[-near:], rim[:, :near], rim[:, -near:] = False, False, False, False
    return np.asarray(rim, dtype=np.bool_)


def at_border(mask: Mask) -> bool:
    """Whether a mask (h, w) bool reaches the picture's border, and may go on beyond it."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def has_stayed(before: Mask, now: Mask) -> bool:
    """Whether a mask (h, w) bool lies where it lay, and at most shows more or less of itself."""
    return int((before & now).sum()) >= _CONTAINED * min(int(before.sum()), int(now.sum()))


def points_of(mask: Mask) -> Points:
    """(n, 2) float32 (x, y): every pixel of a mask (h, w) bool."""
    ys, xs = np.nonzero(mask)
    return np.stack([xs, ys], axis=1).astype(np.float32)


def clear_of(points: Points, covered: Mask) -> NDArray[np.bool_]:
    """(n,) bool: which points (n, 2) (x, y) lie inside the picture and not on what (h, w) bool covers."""
    height, width = covered.shape
    xs, ys = np.rint(points).astype(np.intp).T
    inside = (xs >= 0) & (ys >= 0) & (xs < width) & (ys < height)
    return np.asarray(inside & ~covered[np.clip(ys, 0, height - 1), np.clip(xs, 0, width - 1)], dtype=np.bool_)
