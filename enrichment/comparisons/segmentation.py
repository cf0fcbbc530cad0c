"""Two segmentations: by the mean IoU of masks that are paired one to one."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.geometry import iou, rle
from annotation.media.mask_tracks import MaskTracks
from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, frames_of, register, sampled

# Differ in lightness too, for those who cannot tell the hues apart; the same number has the same colour on both sides.
_COLOURS: Final = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0))
_FILL, _EDGE = 90, 255


@register
class Segmentation(Comparer):
    """A mask without a partner counts as 0, so that what one version lacks shows."""

    layers = ("segmentation",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Labels and track numbers have no say in the figure; tracks that differ are listed."""
        old, new = before.open(), after.open()
        values = {}
        for frame in frames_of(before.clip.frame_count):
            value = mean_iou(list(old.encoded(frame).values()), list(new.encoded(frame).values()))
            if value is not None:
                values[frame] = value
        rows = _tracks(old, new)
        return Differences(
            "mean IoU of masks", "", 1.0, values, rows[:MOST_ROWS], sampled(before.clip.frame_count) + beyond(rows)
        )

    def words(self, side: Side, frame: int) -> list[str]:
        """How many masks, of what."""
        reader: MaskTracks = side.open()
        there = reader.encoded(frame)
        counted = Counter(reader.labels[number] or "no label" for number in there)
        listed = ", ".join(f"{count} × {label}" for label, count in sorted(counted.items()))
        return [f"{len(there)} masks{': ' if listed else ''}{listed}"]

    def picture(self, side: Side, frame: int) -> NDArray[np.uint8] | None:
        """Every mask in its track's colour."""
        painted = np.zeros((side.clip.height, side.clip.width, 4), dtype=np.uint8)
        for number, mask in side.open().masks(frame).items():
            inside = mask.astype(bool)
            edge = inside.copy()
            edge[1:-1, 1:-1] &= ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])
            painted[inside] = (*_COLOURS[number % len(_COLOURS)], _FILL)
            painted[edge] = (*_COLOURS[number % len(_COLOURS)], _EDGE)
        return painted


def mean_iou(a: list[rle.Rle], b: list[rle.Rle]) -> float | None:
    """Mean IoU of pairs (Hungarian method) over the larger number of masks, 0-1; None where neither has any."""
    if not a and not b:
        return None
    pairs = iou.match(iou.iou_matrix(a, b), at_least=0.0).pairs
    return sum(value for _, _, value in pairs) / max(len(a), len(b))


def _tracks(old: MaskTracks, new: MaskTracks) -> list[Row]:
    """The tracks of both, those that are in one only or go by another label or length first named."""
    rows = []
    for number in sorted({*old.labels, *new.labels}):
        said = [_said(reader, number) for reader in (old, new)]
        if said[0] != said[1]:
            first = min(frame for reader in (old, new) for frame in reader.masks_of(number))
            rows.append(Row(first, f"track {number}", *said))
    return rows


def _said(reader: MaskTracks, number: int) -> str:
    if number not in reader.labels:
        return "–"
    return f"{reader.labels[number] or 'no label'}, {len(reader.masks_of(number))} frames"
