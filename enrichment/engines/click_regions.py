"""What a click may mean: regions of several sizes around it, without weights.

GrabCut is run in circles of growing size around the click, each taken to hold the whole thing. What is really there
comes out much the same from circles of different sizes, while a circle that is too small or too large gives a region
of its own; so the regions on which most circles agree, and whose border lies where colours change, come first. On 52
things of rendered scenes and 13 outlined by hand on real clips this gave the best first region of what was tried:
random walkers in three windows (0.64 and 0.67 against 0.70 and 0.83, in several times the time), the chain of a merge
tree over superpixels (even its best node has 0.65 on rendered things), and the clearest border alone (0.65).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines import roi
from enrichment.engines.roi import Mask, Picture, Prompted, Window, check_picture, diagonal
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Click, check_clicks

# Radii of the circles, as shares of the picture's diagonal.
_RADII: Final = (0.03, 0.045, 0.067, 0.1, 0.15, 0.225, 0.34)
_SIDE: Final = 64
_ROUNDS: Final = 2
# Shares of the radius: how far the window reaches, what is foreground for sure, and what probably is.
_WINDOW, _SURE, _LIKELY = 1.3, 0.2, 0.6
_AGREEING: Final = 3
# Regions that agree more than this are one to a person.
_SAME: Final = 0.8
_MOST: Final = 3
_SETTLE_SIDE: Final = 128


@dataclass(frozen=True)
class _Region:
    """What one circle gave: the part of a full-size mask inside a window, and how good its border is, 0..1."""

    window: Window
    part: Mask
    area: int
    quality: float

    def overlap(self, larger: _Region) -> float:
        """IoU with a region whose window holds this one's."""
        left, top = self.window.left - larger.window.left, self.window.top - larger.window.top
        height, width = self.part.shape
        shared = int((self.part & larger.part[top : top + height, left : left + width]).sum())
        return shared / max(1, self.area + larger.area - shared)


def propose(picture: Picture, clicks: Sequence[Click]) -> list[Prompted]:
    """Regions that the clicks may mean, the likeliest first; they differ from each other.

    Args:
        picture: (height, width, 3) uint8 RGB.
        clicks: (x, y, belongs); at least one belongs.

    Raises:
        EngineInputError: not an 8-bit RGB picture, no click that belongs, or one outside the picture.
    """
    check_picture(picture)
    check_clicks(clicks, *picture.shape[:2])
    ours = np.array([(x, y) for x, y, belongs in clicks if belongs])
    if not len(ours):
        raise EngineInputError(
            "Click on the thing first, or draw a box around it; clicks beside it correct what is there."
        )
    x, y = (ours.min(axis=0) + ours.max(axis=0)) / 2
    spread = float(np.hypot(*(ours - (x, y)).T).max())
    radii = [share * diagonal(picture) for share in _RADII]
    # Between clicks that lie far apart there is one circle at least.
    radii = [radius for radius in radii if radius > 1.2 * spread] or [1.5 * spread]
    regions = roi.side_by_side(partial(_in_circle, picture, clicks, x, y), radii)
    agreement = np.zeros((len(regions), len(regions)))
    for n, larger in enumerate(regions):
        for m in range(n):
            agreement[m, n] = agreement[n, m] = regions[m].overlap(larger)
    score = _scores(regions, agreement)
    chosen: list[int] = []
    for n in np.argsort(-score, kind="stable"):
        if len(chosen) < _MOST and all(agreement[n, other] < _SAME for other in chosen):
            chosen.append(int(n))
    # A click says less than a box, however clear the region is.
    settled = roi.side_by_side(lambda n: _settled(picture, regions[n], clicks), chosen)
    return [Prompted(mask, float(0.75 * score[n])) for mask, n in zip(settled, chosen, strict=True)]


def _scores(regions: Sequence[_Region], agreement: NDArray[np.float64]) -> NDArray[np.float64]:
    """0..1 each: how many others a region agrees with, times its border; of two alike the larger is the thing."""
    nearest = np.sort(agreement, axis=1)[:, -_AGREEING:].mean(axis=1) if len(regions) > 1 else np.full(1, 0.5)
    area = np.array([region.area for region in regions], np.float64)
    quality = np.array([region.quality for region in regions])
    return np.asarray(nearest * quality * (area / max(1.0, area.max())) ** 0.1)


def _in_circle(picture: Picture, clicks: Sequence[Click], x: float, y: float, radius: float) -> _Region:
    reach = _WINDOW * radius
    window = Window.of(picture, x - reach, y - reach, x + reach, y + reach, _SIDE)
    height, width = window.picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    column, row = window.inside(x, y)
    away = np.hypot(columns - column, rows - row) / (radius * window.scale)
    trimap = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    trimap[away < _LIKELY] = cv2.GC_PR_FGD
    trimap[away > 1] = cv2.GC_BGD
    seeds = _pressed(window, clicks, trimap, radius)
    if not (trimap == cv2.GC_BGD).any():
        trimap[0] = cv2.GC_BGD
    found = roi.grabcut(window.picture, trimap, _ROUNDS) | seeds
    found = roi.filled(roi.around(found, seeds))
    part = window.enlarged(cv2.GaussianBlur(found.astype(np.float32), (3, 3), 0))
    quality = roi.clarity(window.picture, found) ** 0.5 * (1.0 - roi.cut_off(found))
    return _Region(window, part, int(part.sum()), quality)


def _pressed(window: Window, clicks: Sequence[Click], trimap: NDArray[np.uint8], radius: float) -> Mask:
    """Write the clicks into a trimap: discs where they belong, spots where not; returns the spots that belong."""
    seeds = np.zeros(trimap.shape, np.uint8)
    reach = max(1, round(_SURE * radius * window.scale))
    for x, y, _ in (each for each in clicks if each[2]):
        cv2.circle(trimap, window.inside(x, y), reach, cv2.GC_FGD, -1)
        seeds[window.inside(x, y)[::-1]] = 1
    for x, y, belongs in clicks:
        if not belongs and window.left <= x < window.right and window.top <= y < window.bottom:
            cv2.circle(trimap, window.inside(x, y), 2, cv2.GC_BGD, -1)
    return seeds > 0


def _settled(picture: Picture, region: _Region, clicks: Sequence[Click]) -> Mask:
    """The region at full size, with GrabCut in a band around its border at a larger size; as it is if that fails."""
    mask = region.window.into(np.zeros(picture.shape[:2], dtype=bool), region.part)
    if not mask.any():
        return mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    pad = 0.25 * max(len(rows), len(columns)) + 4
    window = Window.of(picture, columns[0] - pad, rows[0] - pad, columns[-1] + pad, rows[-1] + pad, _SETTLE_SIDE)
    found = window.reduced(mask) > 0.5
    reach = max(2, round(0.1 * float(found.sum()) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    trimap = np.full(found.shape, cv2.GC_BGD, dtype=np.uint8)
    trimap[cv2.dilate(found.astype(np.uint8), kernel) > 0] = cv2.GC_PR_BGD
    trimap[found] = cv2.GC_PR_FGD
    trimap[cv2.erode(found.astype(np.uint8), kernel, borderValue=1) > 0] = cv2.GC_FGD
    seeds = _pressed(window, clicks, trimap, 0.0)
    if not found.any() or not (trimap == cv2.GC_BGD).any():
        return mask
    settled = roi.filled(roi.around(roi.grabcut(window.picture, trimap, _ROUNDS) | seeds, seeds))
    if not 0.5 * found.sum() < settled.sum() < 2.0 * found.sum():
        return mask
    part = window.enlarged(cv2.GaussianBlur(settled.astype(np.float32), (3, 3), 0))
    return window.into(np.zeros_like(mask), part)
