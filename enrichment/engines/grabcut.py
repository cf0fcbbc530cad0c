"""A mask from a box or from clicks, without weights.

Box: GrabCut (Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH 2004) in a padded region of interest at a reduced size.
Clicks correct a mask locally by random walker; running GrabCut again on clicks makes masks worse. A click without a
box tries regions of several sizes around it and takes the one with the clearest border: usable on things that stand
out, else a box is the better prompt, and the low confidence says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.random_walker import foreground_probability
from enrichment.errors import EngineInputError

NAME: Final = "grabcut"
VERSION: Final = f"2, opencv-{cv2.__version__}"

# On held-out scenes 160 px and three rounds gave no less than 256 px and five, in half the time.
_ROI_SIDE: Final = 160
_ROUNDS: Final = 3
_WALK_SIDE: Final = 96
_PADDING: Final = 0.3
_CLICK_REACHES: Final = (
    0.06,
    0.12,
    0.24,
)  # half sides of the region around a lone click, shares of the picture's diagonal

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]
Click = tuple[float, float, bool]


@dataclass(frozen=True)
class Prompted:
    """A mask (height, width) bool, and how far to trust it, 0..1."""

    mask: Mask
    confidence: float


@dataclass(frozen=True)
class _Window:
    """A part of the picture [top, bottom) x [left, right), brought to a smaller size."""

    left: int
    top: int
    right: int
    bottom: int
    scale: float
    picture: Picture

    @classmethod
    def of(cls, picture: Picture, left: float, top: float, right: float, bottom: float, side: int) -> _Window:
        height, width = picture.shape[:2]
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1, y1 = min(width, max(x0 + 2, int(np.ceil(right)))), min(height, max(y0 + 2, int(np.ceil(bottom))))
        x0, y0 = min(x0, x1 - 2), min(y0, y1 - 2)
        scale = min(1.0, side / max(x1 - x0, y1 - y0))
        size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
        small = cv2.resize(picture[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        return cls(x0, y0, x1, y1, scale, np.asarray(small, dtype=np.uint8))

    def reduced(self, mask: Mask) -> NDArray[np.float32]:
        """A full-size mask inside the window, 0..1 where pixels are mixed."""
        part = mask[self.top : self.bottom, self.left : self.right].astype(np.float32)
        size = (self.picture.shape[1], self.picture.shape[0])
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def enlarged(self, probability: NDArray[Any]) -> Mask:
        """Where a reduced probability is above one half, at full size inside the window."""
        size = (self.right - self.left, self.bottom - self.top)
        return np.asarray(cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR) > 0.5, dtype=np.bool_)

    def inside(self, x: float, y: float) -> tuple[int, int]:
        """(column, row) of a point of the picture, the nearest one when it lies outside."""
        column = int(np.clip((x - self.left) * self.scale, 0, self.picture.shape[1] - 1))
        row = int(np.clip((y - self.top) * self.scale, 0, self.picture.shape[0] - 1))
        return column, row

    def into(self, mask: Mask, part: Mask) -> Mask:
        """A copy of a full-size mask with the window's part replaced."""
        whole = mask.copy()
        whole[self.top : self.bottom, self.left : self.right] = part
        return whole


def from_box(picture: Picture, box: Box) -> Prompted:
    """The thing in a box.

    Args:
        picture: (height, width, 3) uint8 RGB.
        box: (x, y, width, height) in pixels around the thing, as tight as may be.

    Returns:
        The mask, nothing of it outside the box; the confidence is how little it depends on where exactly the box lies.

    Raises:
        EngineInputError: not an 8-bit RGB picture, or a box that holds no pixel of it.
    """
    _check(picture)
    x, y, width, height = box
    if (
        not all(np.isfinite(box))
        or width < 2
        or height < 2
        or x >= picture.shape[1] - 1
        or y >= picture.shape[0] - 1
        or x + width <= 1
        or y + height <= 1
    ):
        raise EngineInputError(f"The box {box} holds no part of the picture of {picture.shape[1]}x{picture.shape[0]}.")
    pad = _PADDING * max(width, height) + 4
    window = _Window.of(picture, x - pad, y - pad, x + width + pad, y + height + pad, _ROI_SIDE)
    x0, y0 = window.inside(x, y)
    x1, y1 = window.inside(x + width, y + height)
    found = _in_box(window.picture, x0, y0, x1, y1)
    empty = np.zeros(picture.shape[:2], dtype=bool)
    if found.sum() < 0.03 * max(1, (y1 - y0) * (x1 - x0)):
        # Nothing in the box differs from what is around it: an ellipse is a beginning that can be corrected.
        drawn = np.zeros(found.shape, dtype=np.uint8)
        centre, half = ((x0 + x1) // 2, (y0 + y1) // 2), (max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2))
        cv2.ellipse(drawn, centre, half, 0, 0, 360, 1, -1)
        return Prompted(window.into(empty, window.enlarged(drawn.astype(np.float32))), 0.1)
    part = window.enlarged(cv2.GaussianBlur(found.astype(np.float32), (3, 3), 0))
    # A mask that a slightly different box would have made just so is one to trust.
    nudge = max(1, round(0.05 * max(x1 - x0, y1 - y0)))
    other = _in_box(window.picture, x0 - nudge, y0 - nudge, x1 + nudge, y1 + nudge)
    stability = float((found & other).sum()) / max(1.0, float((found | other).sum()))
    return Prompted(window.into(empty, part), float(np.clip(1.4 * stability - 0.45, 0.05, 0.95)))


def from_clicks(picture: Picture, clicks: Sequence[Click]) -> Prompted:
    """The thing under a first click, without a box.

    Args:
        picture: (height, width, 3) uint8 RGB.
        clicks: (x, y, belongs); at least one belongs.

    Raises:
        EngineInputError: not an 8-bit RGB picture, no click that belongs, or one outside the picture.
    """
    _check(picture)
    _check_clicks(picture, clicks)
    ours = [(x, y) for x, y, belongs in clicks if belongs]
    if not ours:
        raise EngineInputError(
            "Click on the thing first, or draw a box around it; clicks beside it correct what is there."
        )
    diagonal = _diagonal(picture)
    left, right = min(x for x, _ in ours), max(x for x, _ in ours)
    top, bottom = min(y for _, y in ours), max(y for _, y in ours)
    best = Prompted(np.zeros(picture.shape[:2], dtype=bool), -1.0)
    for share in _CLICK_REACHES:
        reach = share * diagonal
        window = _Window.of(picture, left - reach, top - reach, right + reach, bottom + reach, _WALK_SIDE)
        inside, outside = _click_seeds(window, clicks, radius=2)
        # A thing is taken to end inside the window, except where the picture ends too.
        height, width = inside.shape
        if window.top > 0:
            outside[0, :] = True
        if window.bottom < picture.shape[0]:
            outside[height - 1, :] = True
        if window.left > 0:
            outside[:, 0] = True
        if window.right < picture.shape[1]:
            outside[:, width - 1] = True
        outside &= ~inside
        if not outside.any():
            continue
        # From two seeds of very different size the half-way line lies next to the smaller; so the jump is looked for.
        probability = foreground_probability(window.picture, inside, outside)
        found, confidence = _clearest(window.picture, probability, inside)
        if confidence > best.confidence:
            found = _settled(window.picture, found, inside, outside)
            part = window.enlarged(cv2.GaussianBlur(found.astype(np.float32), (3, 3), 0))
            best = Prompted(window.into(np.zeros(picture.shape[:2], dtype=bool), part), confidence)
    return Prompted(best.mask, 0.6 * max(0.0, best.confidence))


def refine(picture: Picture, previous: Mask, clicks: Sequence[Click]) -> Prompted:
    """Correct a mask around clicks and leave the rest of it alone.

    Args:
        picture: (height, width, 3) uint8 RGB.
        previous: (height, width) bool.
        clicks: (x, y, belongs), in the order in which they were made. Those that the mask already satisfies only hold
            their place, except for the last one.

    Raises:
        EngineInputError: not an 8-bit RGB picture, a mask of another size, or a click outside.
    """
    _check(picture)
    _check_clicks(picture, clicks)
    if previous.shape != picture.shape[:2]:
        raise EngineInputError(f"The mask is {previous.shape[1]}x{previous.shape[0]}, but the picture is not.")
    mask = previous.copy()
    for at, (x, y, belongs) in enumerate(clicks):
        if bool(mask[int(y), int(x)]) != belongs:
            mask = _corrected(picture, mask, clicks[: at + 1])
    if not mask.any():
        return Prompted(mask, 0.0)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = _Window.of(picture, columns[0] - 8, rows[0] - 8, columns[-1] + 9, rows[-1] + 9, _ROI_SIDE)
    sure = _confidence(window.picture, window.reduced(mask) > 0.5)
    return Prompted(mask, min(0.98, sure + 0.05 * len(clicks)))


def _corrected(picture: Picture, mask: Mask, clicks: Sequence[Click]) -> Mask:
    """The last click's neighbourhood, decided anew between what was there and what the click says."""
    x, y, belongs = clicks[-1]
    wrong = mask if not belongs else ~mask
    # How far the click lies inside what is wrong tells how large the mistake is.
    depth = float(cv2.distanceTransform(wrong.astype(np.uint8), cv2.DIST_L2, 5)[int(y), int(x)])
    reach = float(np.clip(4.0 * depth + 12.0, 20.0, 0.25 * _diagonal(mask)))
    window = _Window.of(picture, x - reach, y - reach, x + reach + 1, y + reach + 1, _WALK_SIDE)
    before = window.reduced(mask)
    inside, outside = _click_seeds(window, clicks, radius=max(1, round(0.35 * depth * window.scale)))
    column, row = window.inside(x, y)
    ys, xs = np.mgrid[: before.shape[0], : before.shape[1]]
    away = np.hypot(xs - column, ys - row) / max(1.0, reach * window.scale)
    # The mask was right far from the click, and is the more in doubt the nearer it is.
    held = away > 0.95
    inside |= held & (before > 0.5) & ~outside
    outside |= held & (before <= 0.5) & ~inside
    weight = (0.002 + 0.08 * np.clip(away - 0.3, 0.0, 1.0) ** 2).astype(np.float32)
    # Pixels that the mask already has as the click wants them stay so.
    agrees = (before > 0.5) == belongs
    weight = np.where(agrees, weight + 0.05, weight).astype(np.float32)
    probability = foreground_probability(window.picture, inside, outside, prior=before, prior_weight=weight)
    return window.into(mask, window.enlarged(probability))


def _click_seeds(window: _Window, clicks: Sequence[Click], *, radius: int) -> tuple[Mask, Mask]:
    """Discs around the clicks that lie in the window; the last one's has the radius, the others' are small."""
    shape = window.picture.shape[:2]
    seeds = {True: np.zeros(shape, dtype=np.uint8), False: np.zeros(shape, dtype=np.uint8)}
    for at, (x, y, belongs) in enumerate(clicks):
        if window.left <= x < window.right and window.top <= y < window.bottom:
            size = radius if at == len(clicks) - 1 else 1
            cv2.circle(seeds[belongs], window.inside(x, y), size, 1, -1)
            cv2.circle(seeds[not belongs], window.inside(x, y), size, 0, -1)
    return seeds[True] > 0, seeds[False] > 0


def _settled(picture: Picture, found: Mask, inside: Mask, outside: Mask) -> Mask:
    """GrabCut in a band around a mask, so that its border lies where colours part; the mask itself if that fails."""
    reach = max(2, round(0.12 * float(found.sum()) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core = cv2.erode(found.astype(np.uint8), kernel, borderValue=1) > 0
    trimap = np.full(found.shape, cv2.GC_BGD, dtype=np.uint8)
    trimap[cv2.dilate(found.astype(np.uint8), kernel) > 0] = cv2.GC_PR_BGD
    trimap[found] = cv2.GC_PR_FGD
    trimap[core | inside] = cv2.GC_FGD
    trimap[outside & ~inside] = cv2.GC_BGD
    if not (trimap == cv2.GC_BGD).any():
        return found
    settled = _filled(_around(_grabcut(picture, trimap), inside))
    return settled if 0.5 * found.sum() < settled.sum() < 2.0 * found.sum() else found


def _clearest(picture: Picture, probability: NDArray[np.float32], seeds: Mask) -> tuple[Mask, float]:
    """Of the probability's level sets around the seeds, the one with the clearest border."""
    best, found = -1.0, seeds
    free = probability[~seeds]
    for level in np.unique(np.percentile(free, [30, 45, 60, 70, 78, 85, 90, 94, 97])):
        part = _around((probability > level) | seeds, seeds)
        share = float(part.mean())
        if not 0.004 < share < 0.75:
            continue
        # Of two equally clear borders the wider one is the thing and the narrower one a patch on it.
        value = _confidence(picture, part) * share**0.08 * (1.0 - _cut_off(part))
        if value > best:
            best, found = value, part
    return _filled(found), max(0.0, best)


def _in_box(picture: Picture, x0: int, y0: int, x1: int, y1: int) -> Mask:
    """GrabCut with all that is in the box as possible foreground."""
    trimap = np.full(picture.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    trimap[max(0, y0) : max(y1, y0 + 2), max(0, x0) : max(x1, x0 + 2)] = cv2.GC_PR_FGD
    if (trimap == cv2.GC_BGD).sum() < 16:
        # The box is the whole picture: without any background GrabCut has nothing to compare with.
        trimap[[0, -1], :] = cv2.GC_BGD
        trimap[:, [0, -1]] = cv2.GC_BGD
    return _whole(_grabcut(picture, trimap), least_share=0.1)


def _grabcut(picture: Picture, trimap: NDArray[np.uint8]) -> Mask:
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, trimap, (0, 0, 1, 1), background, foreground, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD), dtype=np.bool_)


def _whole(mask: Mask, *, least_share: float) -> Mask:
    """The mask's larger pieces, without pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = [number + 1 for number, area in enumerate(areas) if area >= least_share * areas.max()]
    return _filled(np.isin(labels, keep))


def _filled(mask: Mask) -> Mask:
    """Without holes that are small against the mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < 0.03 * max(1, int(mask.sum()))
    small[0] = False
    return np.asarray(mask | small[labels], dtype=np.bool_)


def _around(mask: Mask, seeds: Mask) -> Mask:
    """The pieces of a mask that hold a seed."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(np.isin(labels, np.unique(labels[seeds])) & mask, dtype=np.bool_)


def _confidence(picture: Picture, mask: Mask) -> float:
    """How much of the mask's border lies where colours change, 0..1."""
    kernel = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    shrunk = cv2.erode(mask.astype(np.uint8), kernel, borderValue=1) > 0
    border = grown & ~shrunk
    border[[0, -1], :] = False
    border[:, [0, -1]] = False
    if not border.any():
        return 0.1
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), (3, 3), 0).astype(np.float32)
    change = np.sqrt(sum(cv2.Sobel(lab[..., k], cv2.CV_32F, 1, 0) ** 2 for k in range(3)))
    change = np.hypot(change, np.sqrt(sum(cv2.Sobel(lab[..., k], cv2.CV_32F, 0, 1) ** 2 for k in range(3))))
    strongest = cv2.dilate(change, kernel)
    usual = float(np.median(change)) + 12.0
    value = float(np.clip((strongest[border] / usual - 0.8) / 3.0, 0.0, 1.0).mean())
    return float(np.clip(0.1 + 0.88 * value, 0.0, 0.98))


def _cut_off(mask: Mask) -> float:
    """Share of the mask's border that runs along the window's, where nothing in the picture ends."""
    rim = mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0)
    edge = np.ones(mask.shape, dtype=bool)
    edge[3:-3, 3:-3] = False
    return float((rim & edge).sum()) / max(1.0, float(rim.sum()))


def _diagonal(picture: NDArray[Any]) -> float:
    return float(np.hypot(picture.shape[0], picture.shape[1]))


def _check(picture: Picture) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < 16:
        raise EngineInputError(
            f"A prompt needs an 8-bit RGB picture of at least 16x16, but this is {picture.shape} {picture.dtype}."
        )


def _check_clicks(picture: Picture, clicks: Sequence[Click]) -> None:
    height, width = picture.shape[:2]
    for x, y, _ in clicks:
        if not (0 <= x < width and 0 <= y < height):
            raise EngineInputError(f"The click at ({x:g}, {y:g}) lies outside the picture of {width}x{height}.")
