"""Where outlines lie and how far apart they are.

Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (DAVIS), CVPR
2016, for the boundary map, the tolerance and the F measure; the distances are the symmetric surface distances of
medical imaging.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry.rle import Mask

DAVIS_TOLERANCE = 0.008  # of the picture's diagonal


@dataclass(frozen=True)
class BoundaryError:
    """Distances between two outlines in pixels; infinite when only one of them has an outline."""

    mean: float
    percentile95: float


def boundary(mask: Mask) -> npt.NDArray[np.bool_]:
    """The one-pixel outline: pixels that differ from their right, lower or lower right neighbour.

    Args:
        mask: (height, width) bool or uint8; anything but 0 is inside.

    Returns:
        (height, width) bool. The picture's edge is no outline: a mask that fills the picture has none.
    """
    inside = mask.astype(bool, copy=False)
    outline = np.zeros(inside.shape, dtype=bool)
    outline[:, :-1] |= inside[:, :-1] != inside[:, 1:]
    outline[:-1] |= inside[:-1] != inside[1:]
    outline[:-1, :-1] |= inside[:-1, :-1] != inside[1:, 1:]
    return outline


def boundary_error(a: Mask, b: Mask) -> BoundaryError:
    """How far two outlines lie apart, both ways together.

    Args:
        a: (height, width) bool or uint8.
        b: the same shape.

    Returns:
        Mean and 95th percentile, in pixels, of the distance from every outline pixel of one mask to the nearest of the
        other. 0 when neither has an outline, infinity when only one has.

    Raises:
        ValueError: the shapes differ.
    """
    outline_a, outline_b = _outlines(a, b)
    if not outline_a.any() and not outline_b.any():
        return BoundaryError(0.0, 0.0)
    if not outline_a.any() or not outline_b.any():
        return BoundaryError(math.inf, math.inf)
    distances = np.concatenate([_distance_to(outline_b)[outline_a], _distance_to(outline_a)[outline_b]])
    return BoundaryError(float(distances.mean()), float(np.percentile(distances, 95)))


def boundary_f(a: Mask, b: Mask, *, tolerance: float | None = None) -> float:
    """The boundary F measure: precision and recall of outline pixels that have a partner within the tolerance.

    Args:
        a: (height, width) bool or uint8.
        b: the same shape; the measure is symmetric.
        tolerance: pixels; by default DAVIS's 0.8 % of the diagonal, rounded up.

    Returns:
        0 to 1; 1 when neither has an outline, 0 when only one has.

    Raises:
        ValueError: the shapes differ.
    """
    if tolerance is None:
        tolerance = math.ceil(DAVIS_TOLERANCE * math.hypot(*a.shape))
    outline_a, outline_b = _outlines(a, b)
    if not outline_a.any() or not outline_b.any():
        return float(outline_a.any() == outline_b.any())
    precision = float(np.mean(_distance_to(outline_b)[outline_a] <= tolerance))
    recall = float(np.mean(_distance_to(outline_a)[outline_b] <= tolerance))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outlines(a: Mask, b: Mask) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Both outlines, cut to the box that holds them: most masks are small and a distance map is not cheap."""
    if a.shape != b.shape:
        raise ValueError(f"Masks of different pictures cannot be compared: {a.shape} and {b.shape}.")
    outline_a, outline_b = boundary(a), boundary(b)
    either = outline_a | outline_b
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    if not rows.size:
        return outline_a, outline_b
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return outline_a[box], outline_b[box]


def _distance_to(outline: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    free = (~outline).astype(np.uint8)
    return cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32, copy=False)
