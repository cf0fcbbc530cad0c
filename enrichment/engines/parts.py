"""From a patch of foreground to the things in it: what is skin, and where one thing ends and the next begins."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_BINS: Final = (6, 8, 8)
_THINNEST: Final = 4.5


def skin(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels with the chroma of skin, after Chai and Ngan 1999, a little narrower against wood.

    Args:
        rgb: (height, width, 3) uint8, smoothed.

    Returns:
        (height, width) bool. Chroma alone: wood and cardboard can pass, so motion has to say the rest.
    """
    ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    found = cv2.inRange(ycc, np.array([50, 136, 98]), np.array([245, 176, 127]))
    return np.asarray(found > 0, dtype=np.bool_)


def colour_signature(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Lab histogram of what lies under a mask.

    Args:
        rgb: (height, width, 3) uint8.
        mask: (height, width) bool.

    Returns:
        (384,) float32, square roots of shares, so that the dot product of two is their Bhattacharyya coefficient.
    """
    pixels = rgb[mask]
    if len(pixels) == 0:
        return np.zeros(int(np.prod(_BINS)), dtype=np.float32)
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)
    histogram = cv2.calcHist([lab], [0, 1, 2], None, list(_BINS), [0.0, 256.0, 64.0, 192.0, 64.0, 192.0]).ravel()
    return np.sqrt(histogram / max(1.0, float(histogram.sum()))).astype(np.float32)


def components(mask: NDArray[np.bool_], least_area: int) -> list[NDArray[np.bool_]]:
    """Connected parts (8 neighbours) of at least `least_area` pixels, largest first.

    Args:
        mask: (height, width) bool.
        least_area: pixels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    order = [number for number in np.argsort(-areas) if number != 0 and areas[number] >= least_area]
    return [labels == number for number in order]


def without_holes(mask: NDArray[np.bool_], largest: int) -> NDArray[np.bool_]:
    """A mask with its holes and gaps of fewer than `largest` pixels (4 neighbours) filled.

    Args:
        mask: (height, width) bool.
        largest: pixels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    holes = stats[:, cv2.CC_STAT_AREA] < largest
    holes[0] = False
    return np.asarray(mask | holes[labels], dtype=np.bool_)


def solidity(mask: NDArray[np.bool_]) -> float:
    """Area over the area of the convex hull, 0..1.

    Args:
        mask: (height, width) bool.
    """
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is None or len(points) < 3:
        return 0.0
    hull = np.zeros(mask.shape, dtype=np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return float(mask.sum() / max(1, int(hull.sum())))


def thickness(mask: NDArray[np.bool_]) -> float:
    """Radius of the largest circle inside, in pixels.

    Args:
        mask: (height, width) bool.
    """
    # The picture's border counts as outside, or a strip along it would seem thick.
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return float(cv2.distanceTransform(framed, cv2.DIST_L2, 3).max())


def usual_area(areas: list[float], least_count: int) -> float | None:
    """The size of one thing where many are alike: the area around which, within 30 %, most area lies.

    Args:
        areas: of compact things, in pixels.
        least_count: how many there must be.
    """
    if len(areas) < least_count:
        return None
    values = np.sort(np.asarray(areas, dtype=np.float64))
    close = np.abs(values[:, None] - values[None, :]) < 0.3 * values[:, None]
    # By area and not by count, or crumbs would outvote the things they fell from.
    at = int(np.argmax(close @ values))
    return float(np.median(values[close[at]])) if close[at].sum() >= least_count else None


def elongation(mask: NDArray[np.bool_]) -> float:
    """Longer over shorter side of the smallest rectangle around a mask, at least 1.

    Args:
        mask: (height, width) bool.
    """
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is None:
        return 1.0
    _, (a, b), _ = cv2.minAreaRect(points)
    return float((max(a, b) + 1.0) / (min(a, b) + 1.0))


def at_border(mask: NDArray[np.bool_]) -> bool:
    """Whether a (height, width) bool mask touches the picture's border."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def flesh_patches(rgb: NDArray[np.uint8], foreground: NDArray[np.bool_], least_area: int) -> list[NDArray[np.bool_]]:
    """Large patches of skin in the foreground, their small gaps (rings, nails, shadows) closed.

    Args:
        rgb: (height, width, 3) uint8, smoothed.
        foreground: (height, width) bool.
        least_area: pixels.
    """
    found = (skin(rgb) & foreground).astype(np.uint8)
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    closed = (cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0) & foreground
    return [part for part in components(closed, least_area) if thickness(part) >= 5.0]


def far_end(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The working end of something that reaches in from the border: from its tip to where it first becomes narrow.

    Args:
        mask: (height, width) bool.

    Returns:
        (height, width) bool inside `mask`; empty when the mask does not touch the border or has no such place.
    """
    nothing = np.zeros(mask.shape, dtype=bool)
    ys, xs = np.nonzero(mask)
    height, width = mask.shape
    rim = (xs < 2) | (ys < 2) | (xs >= width - 2) | (ys >= height - 2)
    if len(xs) < 50 or not rim.any():
        return nothing
    away = np.hypot(xs - xs[rim].mean(), ys - ys[rim].mean())
    # The axis runs from the border's side to the tip; width is counted across it.
    tip = np.array([xs[away >= np.quantile(away, 0.97)].mean(), ys[away >= np.quantile(away, 0.97)].mean()])
    axis = tip - np.array([xs[away >= np.quantile(away, 0.6)].mean(), ys[away >= np.quantile(away, 0.6)].mean()])
    if float(np.hypot(*axis)) < 3.0:
        return nothing
    axis /= np.hypot(*axis)
    along = (tip[0] - xs) * axis[0] + (tip[1] - ys) * axis[1]
    along -= along.min()
    widths = np.convolve(np.bincount(along.astype(np.int64)), np.ones(3) / 3.0, mode="same")
    # The palm is the widest place of the near part; narrow is what falls well below it, farther from the tip.
    limit = min(len(widths), int(1.2 * np.sqrt(mask.sum()) + 8))
    palm = int(np.argmax(widths[: max(8, limit // 2)]))
    narrow = np.flatnonzero(widths[palm:limit] < 0.62 * widths[palm])
    if len(narrow) == 0:
        return nothing
    end = nothing.copy()
    chosen = along < palm + narrow[0]
    end[ys[chosen], xs[chosen]] = True
    return end


def split(
    mask: NDArray[np.bool_], rgb: NDArray[np.uint8], least_area: int, typical_area: float | None
) -> list[NDArray[np.bool_]]:
    """Take a patch of foreground apart into things.

    It is cut where it is narrow (peaks of the distance transform), or, when the
    scene shows many things of one size, into as many pieces of that size as fit, by position and colour. What reaches
    in
    from the border (an arm) stays whole.

    Args:
        mask: (height, width) bool, one patch.
        rgb: (height, width, 3) uint8, smoothed.
        least_area: smaller pieces are dropped, in pixels.
        typical_area: area of one thing where many are alike, in pixels; None when nothing is known.

    Returns:
        Disjoint (height, width) bool masks inside `mask`.
    """
    found: list[NDArray[np.bool_]] = []
    for patch in components(mask, least_area):
        area = float(patch.sum())
        if at_border(patch):
            found.extend(_cut_at_necks(patch, least_area, 0.35))
        elif typical_area and area > 1.5 * typical_area:
            found.extend(_equal_pieces(patch, rgb, round(area / typical_area), typical_area))
        elif solidity(patch) < 0.8:
            found.extend(_cut_at_necks(patch, least_area, 0.6))
        else:
            found.append(patch)
    return [part for part in found if part.sum() >= least_area and thickness(part) >= _THINNEST]


def _equal_pieces(
    patch: NDArray[np.bool_], rgb: NDArray[np.uint8], pieces: int, typical_area: float
) -> list[NDArray[np.bool_]]:
    if pieces < 2:
        return [patch]
    ys, xs = np.nonzero(patch)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[ys, xs].astype(np.float32)
    side = np.float32(typical_area**0.5)
    features = np.column_stack([xs / side, ys / side, lab[:, 1] / 60.0, lab[:, 2] / 60.0]).astype(np.float32)
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.05)
    empty = np.zeros((0, 1), dtype=np.int32)
    _, labels, _ = cv2.kmeans(features, pieces, empty, criteria, 2, cv2.KMEANS_PP_CENTERS)
    found: list[NDArray[np.bool_]] = []
    for number in range(pieces):
        piece = np.zeros(patch.shape, dtype=bool)
        chosen = labels.ravel() == number
        piece[ys[chosen], xs[chosen]] = True
        found.extend(components(piece, int(0.3 * typical_area))[:1])
    signatures = [colour_signature(rgb, piece) for piece in found]
    alike = [float(a @ b) for k, a in enumerate(signatures) for b in signatures[k + 1 :]]
    # Much the same colour throughout is one large thing, not several small ones.
    if not alike or float(np.median(alike)) > 0.5 or (solidity(patch) > 0.9 and min(alike) > 0.5):
        return [patch]
    return found


def _cut_at_necks(patch: NDArray[np.bool_], least_area: int, narrow: float) -> list[NDArray[np.bool_]]:
    depth = cv2.distanceTransform(patch.astype(np.uint8), cv2.DIST_L2, 3)
    top = float(depth.max())
    cores = components(depth > max(2.0, narrow * top), 4)
    if len(cores) < 2:
        return [patch]
    markers = np.zeros(patch.shape, dtype=np.int32)
    markers[~patch] = 1
    for number, core in enumerate(cores, start=2):
        markers[core] = number
    # Flooding the upside-down distance meets at the necks.
    relief = np.repeat((255 - 255 * depth / top).astype(np.uint8)[..., None], 3, axis=2)
    cv2.watershed(relief, markers)
    return [part for number in range(2, len(cores) + 2) for part in components(markers == number, least_area)[:1]]
