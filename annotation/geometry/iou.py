"""How far masks cover each other, and which belongs to which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco
from scipy.optimize import linear_sum_assignment

from annotation.geometry.rle import Mask, Rle


@dataclass(frozen=True)
class Matching:
    """Pairs (index in a, index in b, IoU), best first, and what found no partner on either side."""

    pairs: list[tuple[int, int, float]]
    only_a: list[int]
    only_b: list[int]


def mask_iou(a: Mask, b: Mask) -> float:
    """Intersection over union of two masks.

    Args:
        a: (height, width) bool or uint8; anything but 0 is inside.
        b: the same shape.

    Returns:
        0 to 1. Two empty masks agree: 1.

    Raises:
        ValueError: the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"Masks of different pictures cannot be compared: {a.shape} and {b.shape}.")
    inside_a, inside_b = a.astype(bool, copy=False), b.astype(bool, copy=False)
    union = int(np.count_nonzero(inside_a | inside_b))
    return int(np.count_nonzero(inside_a & inside_b)) / union if union else 1.0


def iou_matrix(rles_a: Sequence[Rle], rles_b: Sequence[Rle]) -> npt.NDArray[np.float64]:
    """IoU of every mask of one list with every mask of another, without decoding them (pycocotools).

    Args:
        rles_a: A masks.
        rles_b: B masks of the same picture size.

    Returns:
        (A, B) float64; two empty masks count as 1, as in `mask_iou`.

    Raises:
        ValueError: the masks are not all of one size.
    """
    if not rles_a or not rles_b:
        return np.zeros((len(rles_a), len(rles_b)))
    sizes = {tuple(rle["size"]) for rle in (*rles_a, *rles_b)}
    if len(sizes) > 1:
        raise ValueError(f"Masks of different pictures cannot be compared: sizes {sorted(sizes)}.")
    crowd = [0] * len(rles_b)
    matrix = np.array(coco.iou(list(rles_a), list(rles_b), crowd), dtype=np.float64)
    empty_a = coco.area(list(rles_a)) == 0
    empty_b = coco.area(list(rles_b)) == 0
    matrix[np.ix_(empty_a, empty_b)] = 1.0
    return matrix


def match(
    matrix: npt.NDArray[np.float64],
    *,
    at_least: float = 0.4,
    labels_a: Sequence[object] | None = None,
    labels_b: Sequence[object] | None = None,
) -> Matching:
    """Pair two people's masks so that the total IoU is largest (Hungarian method), each used once.

    Args:
        matrix: (A, B) IoU.
        at_least: pairs below this are no pairs.
        labels_a: with labels_b: equal labels are paired first, then what remains whatever its label, so that a confused
            label shows as such and not as one mask missing and one too many.
        labels_b: labels of the columns.

    Returns:
        The matching.

    Raises:
        ValueError: labels given for one side only, or not one for each mask.
    """
    if (labels_a is None) != (labels_b is None):
        raise ValueError("Labels must be given for both sides or for neither.")
    rounds: list[npt.NDArray[np.bool_]] = []
    if labels_a is not None and labels_b is not None:
        if (len(labels_a), len(labels_b)) != matrix.shape:
            raise ValueError(f"{len(labels_a)} and {len(labels_b)} labels do not fit a matrix of shape {matrix.shape}.")
        same = [[label == other for other in labels_b] for label in labels_a]
        rounds.append(np.array(same, dtype=bool).reshape(matrix.shape))
    rounds.append(np.ones(matrix.shape, dtype=bool))
    free_a, free_b = set(range(matrix.shape[0])), set(range(matrix.shape[1]))
    pairs: list[tuple[int, int, float]] = []
    for allowed in rounds:
        rows, columns = sorted(free_a), sorted(free_b)
        gain = np.where(allowed & (matrix >= at_least), matrix, 0.0)[np.ix_(rows, columns)]
        for row, column in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            a, b = rows[row], columns[column]
            if gain[row, column] > 0:
                pairs.append((a, b, float(matrix[a, b])))
                free_a.discard(a)
                free_b.discard(b)
    pairs.sort(key=lambda pair: -pair[2])
    return Matching(pairs=pairs, only_a=sorted(free_a), only_b=sorted(free_b))
