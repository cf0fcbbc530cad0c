"""Polygons to masks and back, exactly.

The convention, here and in the browser: pixel (x, y) covers the square [x, x+1) x [y, y+1), its centre is (x+0.5,
y+0.5). A pixel is inside when its centre is, by the even-odd rule over all rings together; a centre on a left or
upper edge is inside, on a right or lower edge outside, so two polygons that share an edge share no pixel and leave
none between them. Vertices are real numbers in pixels; a whole number is a pixel's corner.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.float64] | npt.NDArray[np.int32] | Sequence[Sequence[float]]


def rasterize(rings: Sequence[Ring], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Fill rings by the pixel-centre, even-odd rule.

    Args:
        rings: each (n, 2) vertices (x, y), closed without repeating the first; holes are rings too, in any direction.
            Parts outside the picture are clipped. Rings of fewer than three vertices enclose nothing.
        height: rows of the picture.
        width: columns of the picture.

    Returns:
        (height, width) uint8 of 0 and 1.

    Raises:
        ValueError: a ring is not (n, 2) or holds a number that is not finite.
    """
    # One toggle where an edge crosses a row of centres; the running parity along the row is the filling.
    toggles = np.zeros((height, width + 1), dtype=np.uint8)
    for ring in rings:
        points = np.asarray(ring, dtype=np.float64)
        if points.size == 0:
            continue
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise ValueError(f"A ring must be (n, 2) finite numbers (x, y); this one has shape {points.shape}.")
        _toggle(toggles, points)
    return np.bitwise_xor.accumulate(toggles, axis=1)[:, :width]


def _toggle(toggles: npt.NDArray[np.uint8], points: npt.NDArray[np.float64]) -> None:
    height, width = toggles.shape[0], toggles.shape[1] - 1
    ends = np.roll(points, -1, axis=0)
    # Always from the upper end to the lower, so that a shared edge gives both its polygons the very same crossing.
    swap = points[:, 1] > ends[:, 1]
    upper = np.where(swap[:, None], ends, points)
    lower = np.where(swap[:, None], points, ends)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64)
    rows_of_edge = np.maximum(last - first, 0)
    total = int(rows_of_edge.sum())
    if not total:
        return
    edge = np.repeat(np.arange(len(points)), rows_of_edge)
    begin = np.cumsum(rows_of_edge) - rows_of_edge
    row = first[edge] + np.arange(total) - begin[edge]
    rise = lower[edge, 1] - upper[edge, 1]
    x = upper[edge, 0] + (row + 0.5 - upper[edge, 1]) / rise * (lower[edge, 0] - upper[edge, 0])
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    np.bitwise_xor.at(toggles, (row, column), np.uint8(1))


def contours(mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> list[npt.NDArray[np.int32]]:
    """The outline along the pixels' edges: nothing is eroded, `rasterize(contours(mask), *mask.shape)` is the mask.

    Args:
        mask: (height, width) bool or uint8.

    Returns:
        Rings of (n, 2) int32 corners (x, y), horizontal and vertical edges in turn, first corner not repeated. Outer
        rings run clockwise on the screen (positive shoelace area with y downwards), holes the other way. Pixels that
        touch only at a corner get rings of their own.
    """
    xs, ys, crossing = _corners(mask)
    if not len(xs):
        return []
    across = _partners(np.lexsort((np.arange(len(xs)), xs, ys)))
    # Where two pixels meet at a corner only, two corners lie on one spot; which of them goes up and which down decides
    # whether the rings touch or cross.
    order = np.arange(len(xs))
    down = _partners(np.lexsort((np.where(crossing, -order, order), ys, xs)))
    return [_ring(chain, xs, ys, mask) for chain in _chains(across, down)]


def _corners(
    mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Corner points in reading order, doubled where four edges meet; the flag marks doubles of the rising diagonal."""
    padded = np.pad(mask.astype(bool, copy=False), 1).view(np.uint8)
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    below_left, below_right = padded[1:, :-1], padded[1:, 1:]
    odd = above_left ^ above_right ^ below_left ^ below_right
    diagonal = (above_left == below_right) & (above_right == below_left) & (above_left != above_right)
    ys, xs = np.nonzero(odd | diagonal)
    double = diagonal[ys, xs]
    rising = double & (above_right[ys, xs] == 1)
    times = np.where(double, 2, 1)
    return np.repeat(xs, times), np.repeat(ys, times), np.repeat(rising, times)


def _partners(order: npt.NDArray[np.int64]) -> list[int]:
    """Along a line the corners pair up: first with second, third with fourth."""
    partner = np.empty(len(order), dtype=np.int64)
    partner[order[0::2]] = order[1::2]
    partner[order[1::2]] = order[0::2]
    as_list: list[int] = partner.tolist()  # quicker to walk than an array
    return as_list


def _chains(across: list[int], down: list[int]) -> list[list[int]]:
    seen = bytearray(len(across))
    chains = []
    for start in range(len(across)):
        if seen[start]:
            continue
        chain: list[int] = []
        at = start
        while not seen[at]:
            other = across[at]
            seen[at] = seen[other] = 1
            chain += (at, other)
            at = down[other]
        chains.append(chain)
    return chains


def _ring(
    chain: list[int],
    xs: npt.NDArray[np.int64],
    ys: npt.NDArray[np.int64],
    mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8],
) -> npt.NDArray[np.int32]:
    ring = np.stack([xs[chain], ys[chain]], axis=1).astype(np.int32)
    # The walk starts at the ring's upper left corner and goes right: inside lies below it for an outline, outside for
    # a hole.
    x, y = ring[0]
    inside = y < mask.shape[0] and x < mask.shape[1] and bool(mask[y, x])
    return ring if inside else np.concatenate([ring[:1], ring[:0:-1]])
