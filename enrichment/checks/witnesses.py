"""What the pictures say for a mask that the flow accuses.

Flow is an estimate that drifts: a sway of a fifth of a pixel a frame it may not see at all, and a shadow drags it.
Over many frames, or where half of a thing is dragged along, the flow then says that the mask has left its thing. But
when what was seen within the mask and along its outline is seen again where the mask has gone, and less so where the
flow leads, it is the flow that has lost the thing.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Mask, Points, inner_points, moved_mask
from enrichment.checks.outlines import clear_of, has_stayed, points_of, rim_of
from enrichment.checks.patches import LEAST_POINTS, Grey, seen_again, telling

_LEAST_KEPT: Final = 0.3  # share of them that must lie on the later mask, too
_LEAST_SEEN: Final = 0.7  # share of them
_LEAST_STAYED: Final = 0.5  # share of them where the mask has stayed and the flow says otherwise
_AROUND: Final = (-1, 0, 1)  # pixels to every side: the middle of a mask is not known better


class Witnesses:
    """Telling points of a mask, in the frame in which it was compared first."""

    def __init__(self, mask: Mask, covered: Mask, picture: Grey) -> None:
        """Choose them within a mask (h, w) bool and along its outline, away from what other masks cover there."""
        self._mask, self._picture = mask, picture
        self._inner, self._rim = (
            telling(picture, points[clear_of(points, covered)])
            for points in (inner_points(mask), points_of(rim_of(mask)))
        )

    def bear_out(
        self,
        mask: Mask,
        later: Grey,
        covered: Mask,
        way: NDArray[np.float64],
        instead_of: NDArray[np.float64] | None = None,
    ) -> bool:
        """Whether what was seen is seen again after a way (2,) in pixels, and less of it after the other one.

        The middle of a mask moves when something uncovers its thing, but not the sides that showed before. So their
        ways are tried as well; one counts only if the mask, moved by it, is the later one but for what was uncovered or
        hidden. One that has stayed is taken at its word, also where what it shows looks the same a little farther on,
        and where a shadow that slides over it has changed a part of what it shows, and leads the flow astray.

        Args:
            mask: (h, w) bool, the later one.
            later: its picture.
            covered: (h, w) bool, what other masks cover there, or nearly.
            way: how far the mask is thought to have gone.
            instead_of: how far the flow leads; None where it says nothing that could be held against the mask's way.
        """
        stayed = has_stayed(self._mask, mask)
        sides = (each for each in _ways_of_sides(self._mask, mask) if has_stayed(_shifted(self._mask, each), mask))
        for each in (way, *sides):
            here, there = self._shares(mask, later, covered, (each, instead_of), _LEAST_SEEN)
            if here > there:
                return True
        if not stayed:
            return False
        least = _LEAST_SEEN if instead_of is None else _LEAST_STAYED
        here, there = self._shares(mask, later, covered, (np.zeros(2), instead_of), least)
        return here > there or here == there >= _LEAST_SEEN

    def _shares(
        self,
        mask: Mask,
        later: Grey,
        covered: Mask,
        ways: tuple[NDArray[np.float64], NDArray[np.float64] | None],
        least: float,
    ) -> tuple[float, float]:
        """How much is seen after either way of what the mask keeps on the first; 0 for too little, or for no way."""
        first, second = ways
        points = self._within(mask, first)
        here = self._share(points, later, covered, first)
        if here is None or here < least:
            return 0.0, 0.0
        there = None if second is None else self._share(points, later, covered, second)
        return here, there or 0.0

    def _within(self, mask: Mask, way: NDArray[np.float64]) -> Points:
        """The points that a later mask (h, w) bool keeps: a rim along what hid a part of the thing is not the thing's.

        None of them when they are too few to speak for all.
        """
        outline = cv2.dilate(rim_of(mask).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        by = way.astype(np.float32)
        inner = self._inner[clear_of(self._inner + by, ~mask)]
        rim = self._rim[clear_of(self._rim + by, ~outline)]
        kept, all_of_them = len(inner) + len(rim), len(self._inner) + len(self._rim)
        return np.concatenate([inner, rim]) if kept >= _LEAST_KEPT * all_of_them else self._inner[:0]

    def _share(self, points: Points, later: Grey, covered: Mask, way: NDArray[np.float64]) -> float | None:
        """The share of points (n, 2) that are seen again after a way, 0-1; None where too few can be told."""
        best = None
        for around in product(_AROUND, _AROUND):
            ends = (points + way + np.array(around)).astype(np.float32)
            clear = clear_of(ends, covered)
            if int(clear.sum()) < LEAST_POINTS:
                continue
            share = float(seen_again(self._picture, points[clear], later, ends[clear]).mean())
            best = share if best is None else max(best, share)
        return best


def _ways_of_sides(before: Mask, after: Mask) -> list[NDArray[np.float64]]:
    """How far a left or right side of a mask went, with an upper or lower one, (2,) float64 (x, y) each."""
    if not before.any() or not after.any():
        return []
    across, along = (
        {float(now - was) for was, now in zip(_ends(before, axis), _ends(after, axis), strict=True)} for axis in (0, 1)
    )
    return [np.array(way) for way in product(sorted(across), sorted(along))]


def _shifted(mask: Mask, way: NDArray[np.float64]) -> Mask:
    return moved_mask(mask, np.column_stack([np.eye(2), way]))


def _ends(mask: Mask, axis: int) -> tuple[int, int]:
    there = np.flatnonzero(mask.any(axis=axis))
    return int(there[0]), int(there[-1])
