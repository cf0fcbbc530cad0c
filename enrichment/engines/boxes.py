"""Boxes that detectors find: overlap, and leaving out what was found twice. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """One thing found: its label, confidence 0-1, and box (x, y, width, height) in pixels inside the picture."""

    label: str
    confidence: float
    bbox: tuple[float, float, float, float]

    def plain(self) -> dict[str, object]:
        """As it stands in files."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "bbox": [round(value, 2) for value in self.bbox],
        }


def iou(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every box (n, 4) with every other (m, 4), as (x, y, width, height); (n, m) 0-1."""
    a, b = np.asarray(a, np.float64).reshape(-1, 1, 4), np.asarray(b, np.float64).reshape(1, -1, 4)
    near = np.maximum(a[..., :2], b[..., :2])
    far = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    both = np.clip(far - near, 0, None).prod(axis=2)
    either = a[..., 2:].prod(axis=2) + b[..., 2:].prod(axis=2) - both
    return np.asarray(both / np.maximum(either, 1e-9), dtype=np.float64)


def suppressed(boxes: Boxes, scores: Sequence[float], most: float) -> list[int]:
    """Greedy non-maximum suppression: which boxes stay, the surest first, so that none overlap by more than `most`.

    Args:
        boxes: (n, 4) as (x, y, width, height).
        scores: n numbers, more is surer; of equals the earlier one stays.
        most: intersection over union, 0-1.
    """
    overlap = iou(boxes, boxes)
    left = [int(at) for at in np.argsort(-np.asarray(scores, np.float64), kind="stable")]
    kept: list[int] = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [other for other in left if overlap[best, other] <= most]
    return kept


def inside(corners: NDArray[np.float64], height: int, width: int) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) cut to the picture, as (x, y, width, height); None when nothing of it is left."""
    left, right = (float(np.clip(corners[at], 0, width)) for at in (0, 2))
    top, bottom = (float(np.clip(corners[at], 0, height)) for at in (1, 3))
    if not (right > left and bottom > top):
        return None
    return left, top, right - left, bottom - top


def thinned(found: Sequence[Detection], most: float) -> list[Detection]:
    """Detections without those of the same label that overlap a surer one by more than `most`; the surest first."""
    kept: list[Detection] = []
    for label in dict.fromkeys(each.label for each in found):
        same = [each for each in found if each.label == label]
        stay = suppressed(np.array([each.bbox for each in same]), [each.confidence for each in same], most)
        kept += [same[at] for at in stay]
    return sorted(kept, key=lambda each: -each.confidence)
