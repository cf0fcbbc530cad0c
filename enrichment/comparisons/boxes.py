"""Two layers of boxes: by F1 of boxes with one label that overlap by half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from enrichment.box_files import BoxReader
from enrichment.comparison import Comparer, Differences, Side, frames_of, register
from enrichment.engines import boxes
from enrichment.engines.boxes import Detection

_OVERLAP: Final = 0.5


@register
class Boxes(Comparer):
    """As in PASCAL VOC (Everingham et al. 2010), with neither side for the truth."""

    layers = ("detections", "people")

    def compare(self, before: Side, after: Side) -> Differences:
        """On the frames at which both looked."""
        old, new = before.open(), after.open()
        both = sorted({*old.frames} & {*new.frames})
        values = {}
        for at in frames_of(len(both)):
            value = f1(old.found(both[at]) or [], new.found(both[at]) or [])
            if value is not None:
                values[both[at]] = value
        alone = len({*old.frames} ^ {*new.frames})
        remarks = [f"{alone} frames were looked at by one version only, and are left out."] if alone else []
        return Differences("F1 of boxes at IoU 0.5", "", 1.0, values, remarks=remarks)

    def words(self, side: Side, frame: int) -> list[str]:
        """What was found, the surest first."""
        reader: BoxReader = side.open()
        found = reader.found(frame)
        if found is None:
            return ["not looked at"]
        return [f"{one.label or 'person'} {one.confidence:.2f}" for one in found[:8]] or ["nothing found"]


def f1(a: Sequence[Detection], b: Sequence[Detection]) -> float | None:
    """2 pairs / (boxes of both), 0-1; a pair has one label and an IoU of 0.5 or more. None where neither has any."""
    if not a and not b:
        return None
    if not a or not b:
        return 0.0
    left, right = (np.array([one.bbox for one in side], np.float64) for side in (a, b))
    # A box at the picture's border may be so thin that it has no area, and no overlap with itself.
    overlap = np.where((left[:, None] == right[None]).all(axis=2), 1.0, boxes.iou(left, right))
    same = np.array([[one.label == other.label for other in b] for one in a])
    gain = np.where(same & (overlap >= _OVERLAP), overlap, 0.0)
    pairs = sum(gain[row, column] > 0 for row, column in zip(*linear_sum_assignment(gain, maximize=True), strict=True))
    return float(2 * pairs / (len(a) + len(b)))
