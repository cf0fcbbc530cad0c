"""A mask from a box, and its correction by clicks, without weights. Clicks without a mask: click_regions.py.

Box: GrabCut (Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH 2004) in a padded region of interest at a reduced size.
Clicks correct a mask locally by random walker; running GrabCut again on clicks makes masks worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import cv2
import numpy as np

from enrichment.engines import roi
from enrichment.engines.random_walker import foreground_probability
from enrichment.engines.roi import (
    Mask,
    Picture,
    Prompted,
    Window,
    check_picture,
    clarity,
    diagonal,
)
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Click, check_clicks

NAME: Final = "grabcut"
VERSION: Final = f"3, opencv-{cv2.__version__}"

# On held-out scenes 160 px and three rounds gave no less than 256 px and five, in half the time.
_ROI_SIDE: Final = 160
_ROUNDS: Final = 3
_WALK_SIDE: Final = 96
_PADDING: Final = 0.3
# Readings that agree more than this are one to a person.
_SAME: Final = 0.9

Box = tuple[float, float, float, float]


def from_box(picture: Picture, box: Box) -> list[Prompted]:
    """The thing in a box, and other readings of the box that differ from it.

    Args:
        picture: (height, width, 3) uint8 RGB.
        box: (x, y, width, height) in pixels around the thing, as tight as may be.

    Returns:
        First the likeliest mask, nothing of it outside the box; its confidence is how little it depends on where
        exactly the box lies. Then what a slightly larger box gives, and what lies about the middle of the box.

    Raises:
        EngineInputError: not an 8-bit RGB picture, or a box that holds no pixel of it.
    """
    check_picture(picture)
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
    window = Window.of(picture, x - pad, y - pad, x + width + pad, y + height + pad, _ROI_SIDE)
    x0, y0 = window.inside(x, y)
    x1, y1 = window.inside(x + width, y + height)
    # A mask that a slightly different box would have made just so is one to trust.
    nudge = max(1, round(0.05 * max(x1 - x0, y1 - y0)))
    asked = [
        partial(_in_box, window.picture, x0, y0, x1, y1),
        partial(_in_box, window.picture, x0 - nudge, y0 - nudge, x1 + nudge, y1 + nudge),
        partial(_about_the_middle, window.picture, x0, y0, x1, y1),
    ]
    found, *others = roi.side_by_side(lambda make: make(), asked)
    empty = np.zeros(picture.shape[:2], dtype=bool)
    if found.sum() < 0.03 * max(1, (y1 - y0) * (x1 - x0)):
        # Nothing in the box differs from what is around it: an ellipse is a beginning that can be corrected.
        drawn = np.zeros(found.shape, dtype=np.uint8)
        centre, half = ((x0 + x1) // 2, (y0 + y1) // 2), (max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2))
        cv2.ellipse(drawn, centre, half, 0, 0, 360, 1, -1)
        return [Prompted(window.into(empty, window.enlarged(drawn.astype(np.float32))), 0.1)]
    sure = float(np.clip(1.4 * roi.overlap(found, others[0]) - 0.45, 0.05, 0.95))
    readings = [found]
    for reading in others:
        if reading.any() and all(roi.overlap(reading, known) < _SAME for known in readings):
            readings.append(reading)
    parts = [window.enlarged(cv2.GaussianBlur(each.astype(np.float32), (3, 3), 0)) for each in readings]
    # Of what a person sees who asks for another reading nothing is known but the order.
    return [Prompted(window.into(empty, part), sure / (n + 1)) for n, part in enumerate(parts)]


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
    check_picture(picture)
    check_clicks(clicks, *picture.shape[:2])
    if previous.shape != picture.shape[:2]:
        raise EngineInputError(f"The mask is {previous.shape[1]}x{previous.shape[0]}, but the picture is not.")
    mask = previous.copy()
    for at, (x, y, belongs) in enumerate(clicks):
        if bool(mask[int(y), int(x)]) != belongs:
            mask = _corrected(picture, mask, clicks[: at + 1])
    if not mask.any():
        return Prompted(mask, 0.0)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = Window.of(picture, columns[0] - 8, rows[0] - 8, columns[-1] + 9, rows[-1] + 9, _ROI_SIDE)
    sure = clarity(window.picture, window.reduced(mask) > 0.5)
    return Prompted(mask, min(0.98, sure + 0.05 * len(clicks)))


def _corrected(picture: Picture, mask: Mask, clicks: Sequence[Click]) -> Mask:
    """The last click's neighbourhood, decided anew between what was there and what the click says."""
    x, y, belongs = clicks[-1]
    wrong = mask if not belongs else ~mask
    # How far the click lies inside what is wrong tells how large the mistake is.
    depth = float(cv2.distanceTransform(wrong.astype(np.uint8), cv2.DIST_L2, 5)[int(y), int(x)])
    reach = float(np.clip(4.0 * depth + 12.0, 20.0, 0.25 * diagonal(mask)))
    window = Window.of(picture, x - reach, y - reach, x + reach + 1, y + reach + 1, _WALK_SIDE)
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


def _click_seeds(window: Window, clicks: Sequence[Click], *, radius: int) -> tuple[Mask, Mask]:
    """Discs around the clicks that lie in the window; the last one's has the radius, the others' are small."""
    shape = window.picture.shape[:2]
    seeds = {True: np.zeros(shape, dtype=np.uint8), False: np.zeros(shape, dtype=np.uint8)}
    for at, (x, y, belongs) in enumerate(clicks):
        if window.left <= x < window.right and window.top <= y < window.bottom:
            size = radius if at == len(clicks) - 1 else 1
            cv2.circle(seeds[belongs], window.inside(x, y), size, 1, -1)
            cv2.circle(seeds[not belongs], window.inside(x, y), size, 0, -1)
    return seeds[True] > 0, seeds[False] > 0


def _in_box(picture: Picture, x0: int, y0: int, x1: int, y1: int) -> Mask:
    """GrabCut with all that is in the box as possible foreground."""
    trimap = np.full(picture.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    trimap[max(0, y0) : max(y1, y0 + 2), max(0, x0) : max(x1, x0 + 2)] = cv2.GC_PR_FGD
    if (trimap == cv2.GC_BGD).sum() < 16:
        # The box is the whole picture: without any background GrabCut has nothing to compare with.
        trimap[[0, -1], :] = cv2.GC_BGD
        trimap[:, [0, -1]] = cv2.GC_BGD
    return roi.whole(roi.grabcut(picture, trimap, _ROUNDS), least_share=0.1)


def _about_the_middle(picture: Picture, x0: int, y0: int, x1: int, y1: int) -> Mask:
    """GrabCut with an ellipse in the box as likely foreground, and the box's corners as likely background."""
    trimap = np.full(picture.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    trimap[max(0, y0) : max(y1, y0 + 2), max(0, x0) : max(x1, x0 + 2)] = cv2.GC_PR_BGD
    centre, half = ((x0 + x1) // 2, (y0 + y1) // 2), (max(1, int(0.4 * (x1 - x0))), max(1, int(0.4 * (y1 - y0))))
    cv2.ellipse(trimap, centre, half, 0, 0, 360, cv2.GC_PR_FGD, -1)
    if (trimap == cv2.GC_BGD).sum() < 16:
        trimap[[0, -1], :] = cv2.GC_BGD
        trimap[:, [0, -1]] = cv2.GC_BGD
    return roi.whole(roi.grabcut(picture, trimap, _ROUNDS - 1), least_share=0.1)
