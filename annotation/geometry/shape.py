"""What can be said of one mask at the moment it is saved: size, width, holes, specks."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry.rle import Mask

# Twice the mask's own grid makes widths of one and two pixels tell apart; beyond this a mask is large and half a
# pixel is noise.
_LARGEST_SIDE = 1024
_CORNER = 2**0.5  # how far a right-angled corner reaches from the centre of the disc that fits into it, in radii


@dataclass(frozen=True)
class Shape:
    """Measures in pixels. Components touch at corners, holes do not.

    area: pixels inside. components: separate parts. specks, speck_area: parts smaller than the limit, the largest
    part never being one. holes, hole_area: enclosed gaps. widest: diameter of the largest disc that fits in.
    narrowest: the width below which less than 5 % of the area lies, None where it was not asked for. speck_at,
    hole_at: (x, y) of a pixel of the largest speck and hole, None without one.
    """

    area: int
    components: int
    specks: int
    speck_area: int
    holes: int
    hole_area: int
    widest: float
    narrowest: float | None
    speck_at: tuple[int, int] | None = None
    hole_at: tuple[int, int] | None = None


def measure(mask: Mask, *, speck_below: int = 16, narrow_share: float | None = 0.05) -> Shape:
    """Measure one mask.

    Args:
        mask: (height, width) bool or uint8; anything but 0 is inside. Beyond the picture counts as outside.
        speck_below: a part with fewer pixels is a speck.
        narrow_share: share of the area that may be thinner than `narrowest`; keeps one stray pixel from deciding.
            None leaves `narrowest` out, which takes ten times as long as all the rest.

    Returns:
        The measures; all 0 for an empty mask.
    """
    tight = _tight(mask)
    if tight is None:
        return Shape(0, 0, 0, 0, 0, 0, 0.0, 0.0)
    inside, corner = tight
    parts, part_of, part_stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    areas = part_stats[1:, cv2.CC_STAT_AREA]
    by_size = np.argsort(areas, kind="stable")
    speck_parts = [int(part) for part in by_size[:-1] if areas[part] < speck_below]
    specks = areas[speck_parts]
    # The mask has a rim of background, so the one region that reaches the corner is outside and all others are holes.
    gaps, gap_of, gap_stats, _ = cv2.connectedComponentsWithStats(1 - inside, connectivity=4)
    holes = [gap for gap in range(1, gaps) if gap != gap_of[0, 0]]
    hole_areas = [int(gap_stats[gap, cv2.CC_STAT_AREA]) for gap in holes]
    largest = holes[int(np.argmax(hole_areas))] if holes else None
    widest, narrowest = _widths(inside, narrow_share)
    return Shape(
        area=int(areas.sum()),
        components=parts - 1,
        specks=len(specks),
        speck_area=int(specks.sum()),
        holes=len(hole_areas),
        hole_area=sum(hole_areas),
        widest=widest,
        narrowest=narrowest,
        speck_at=_pixel_of(part_of, speck_parts[-1] + 1, corner) if speck_parts else None,
        hole_at=None if largest is None else _pixel_of(gap_of, largest, corner),
    )


def thinner_than(mask: Mask, width: float) -> npt.NDArray[np.uint8]:
    """The part of a mask that no disc of this diameter reaches: what to point at when a mask is too thin.

    Args:
        mask: (height, width) bool or uint8.
        width: pixels.

    Returns:
        (height, width) uint8 of 0 and 1. Right-angled corners count as reached.
    """
    inside: npt.NDArray[np.uint8] = (np.asarray(mask) != 0).astype(np.uint8)
    if not inside.any():
        return inside
    doubled = cv2.resize(inside, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    fine: npt.NDArray[np.uint8] = np.pad(doubled, 1)
    lost = fine.astype(bool) & ~_reached(_depth(fine), width)
    # A pixel is thin when most of its four quarters are.
    quarters = lost[1:-1, 1:-1].reshape(inside.shape[0], 2, inside.shape[1], 2).sum(axis=(1, 3))
    thin: npt.NDArray[np.uint8] = (quarters > 2).astype(np.uint8)
    return thin


def narrow_places(mask: Mask, width: float, *, least: int, most: int = 12) -> tuple[int, list[tuple[int, int]]]:
    """Where a mask is thinner than it should be.

    Args:
        mask: (height, width) bool or uint8.
        width: pixels; parts that no disc of this diameter reaches are narrow.
        least: a narrow part with fewer pixels is a corner, and left out.
        most: so many places at most, the largest first.

    Returns:
        The pixels of all narrow parts together, and (x, y) of a pixel in the middle of each.
    """
    inside: npt.NDArray[np.uint8] = (np.asarray(mask) != 0).astype(np.uint8)
    # A disc on the pixels' grid, a size too large, loses all that is narrow and more; mostly it loses next to nothing.
    side = int(np.ceil(width)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(np.pad(inside, side), cv2.MORPH_OPEN, disc)[side:-side, side:-side]
    if int(inside.sum()) - int(opened.sum()) < least:
        return 0, []
    _, part_of, stats, _ = cv2.connectedComponentsWithStats(thinner_than(inside, width), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    parts = [int(part) + 1 for part in np.argsort(-areas, kind="stable") if areas[part] >= least]
    return int(sum(areas[part - 1] for part in parts)), [_pixel_of(part_of, part, (0, 0)) for part in parts[:most]]


def _pixel_of(regions: npt.NDArray[Any], number: int, corner: tuple[int, int]) -> tuple[int, int]:
    """(x, y) in the mask of a pixel in the middle of a region, which need not hold its own centre."""
    rows, columns = np.nonzero(regions == number)
    middle = rows.size // 2
    return corner[0] + int(columns[middle]), corner[1] + int(rows[middle])


def _tight(mask: Mask) -> tuple[npt.NDArray[np.uint8], tuple[int, int]] | None:
    """The mask's own box with one pixel of background around it, and (x, y) of its corner; None when it is empty."""
    inside: npt.NDArray[np.bool_] = np.asarray(mask) != 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return None
    box: npt.NDArray[np.uint8] = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    return np.pad(box, 1), (int(columns[0]) - 1, int(rows[0]) - 1)


def _depth(fine: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Distance of every inside pixel to the nearest outside one: on the doubled grid, a width on the mask's own."""
    return cv2.distanceTransform(fine, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32, copy=False)


def _reached(depth: npt.NDArray[np.float32], width: float) -> npt.NDArray[np.bool_]:
    core = depth >= width
    if not core.any():
        return np.zeros(depth.shape, dtype=bool)
    distance = cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= _CORNER * width + 0.5)


def _widths(inside: npt.NDArray[np.uint8], narrow_share: float | None) -> tuple[float, float | None]:
    scale = min(2.0, _LARGEST_SIDE / max(inside.shape))
    fine = cv2.resize(inside, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
    area = int(fine.sum())
    if not area:  # so thin that the coarse grid missed it
        return 1.0, 1.0
    depth = _depth(np.pad(fine, 1))
    widest = float(depth.max())
    if narrow_share is None:
        return widest * 2 / scale, None
    # The share that is thinner than w only grows with w: halve the range until it is known to half a pixel.
    low, high = 0.0, widest
    while high - low > 0.5:
        middle = (low + high) / 2
        lost = area - int(np.count_nonzero(_reached(depth, middle) & (depth > 0)))
        low, high = (middle, high) if lost <= narrow_share * area else (low, middle)
    narrowest = widest if high == widest else high
    return widest * 2 / scale, narrowest * 2 / scale
