"""Masks that a model finds on single pictures, made into tracks: carried along the flow, matched where they overlap.

A model that looks at pictures one by one is asked every few frames; in between its masks are carried along the flow.
Where it looks again, each track takes over the mask that overlaps it most (Kuhn 1955), as in Bewley et al., "Simple
Online and Realtime Tracking", ICIP 2016, with masks for boxes and flow for the Kalman filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from annotation.geometry import warp

Mask = NDArray[np.bool_]
Flow = NDArray[np.float32]

_LEAST_OVERLAP: Final = 0.3
_FADES: Final = 0.98  # of the confidence, with each frame that a mask is only carried
_LEAST_PIXELS: Final = 16
_MOST_MISSED: Final = 1  # looks at which a track was not found again before it ends


@dataclass(frozen=True)
class Instance:
    """One thing on one picture: label (empty when it has none), confidence 0-1, mask (height, width) bool."""

    label: str
    confidence: float
    mask: Mask


@dataclass(frozen=True)
class Linked:
    """An instance with the number of its track. missed: at how many looks in a row it was not found."""

    track_id: int
    instance: Instance
    missed: int = 0


class Linker:
    """Makes tracks of what is found, frame by frame in rising order; can be stopped and resumed between frames."""

    def __init__(self) -> None:
        self._next = 1
        self._tracks: list[Linked] = []

    def step(self, flow: Flow | None, found: Sequence[Instance] | None) -> list[Linked]:
        """The next frame.

        Args:
            flow: (height, width, 2) float32 from the frame before to this one, pixels; None on the first frame.
            found: what the model sees here; None on a frame that it does not look at.

        Returns:
            What is on this frame, by track number.
        """
        if flow is not None:
            carried = [_carried(each, flow) for each in self._tracks]
            self._tracks = [each for each in carried if int(each.instance.mask.sum()) >= _LEAST_PIXELS]
        if found is not None:
            self._match([each for each in found if int(each.mask.sum()) >= _LEAST_PIXELS])
        return list(self._tracks)

    def _match(self, found: Sequence[Instance]) -> None:
        overlap = iou([each.instance.mask for each in self._tracks], [each.mask for each in found])
        for row, track in enumerate(self._tracks):
            for column, each in enumerate(found):
                if track.instance.label != each.label:
                    overlap[row, column] = 0.0
        rows, columns = linear_sum_assignment(-overlap)
        taken = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if overlap[r, c] >= _LEAST_OVERLAP}
        kept = [
            replace(track, instance=found[taken[row]], missed=0)
            if row in taken
            else replace(track, missed=track.missed + 1)
            for row, track in enumerate(self._tracks)
        ]
        fresh = [each for at, each in enumerate(found) if at not in taken.values()]
        self._tracks = [track for track in kept if track.missed <= _MOST_MISSED]
        for each in fresh:
            self._tracks.append(Linked(self._next, each))
            self._next += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """What the next batch needs, as arrays: see `restore`."""
        shape = self._tracks[0].instance.mask.shape if self._tracks else (0, 0)
        return {
            "next": np.array(self._next, dtype=np.int64),
            "shape": np.array(shape, dtype=np.int64),
            "numbers": np.array([[each.track_id, each.missed] for each in self._tracks], dtype=np.int64),
            "confidences": np.array([each.instance.confidence for each in self._tracks], dtype=np.float64),
            "labels": np.array([each.instance.label for each in self._tracks], dtype=np.str_),
            "masks": np.array([np.packbits(each.instance.mask) for each in self._tracks], dtype=np.uint8),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        self._next = int(state["next"])
        height, width = (int(side) for side in state["shape"])
        self._tracks = [
            Linked(
                int(number),
                Instance(
                    str(label),
                    float(confidence),
                    np.unpackbits(packed, count=height * width).astype(bool).reshape(height, width),
                ),
                int(missed),
            )
            for (number, missed), confidence, label, packed in zip(
                state["numbers"].reshape(-1, 2), state["confidences"], state["labels"], state["masks"], strict=True
            )
        ]


def iou(a: Sequence[Mask], b: Sequence[Mask]) -> NDArray[np.float64]:
    """Intersection over union of every mask with every other, (len(a), len(b)) float64 0-1."""
    if not a or not b:
        return np.zeros((len(a), len(b)))
    ones, others = _packed(a), _packed(b)
    sizes = np.bitwise_count(others).sum(axis=1, dtype=np.int64)
    overlap = np.zeros((len(a), len(b)))
    # One row at a time: all pairs at once would be as large as the masks themselves, as often as there are rows.
    for row, one in enumerate(ones):
        both = np.bitwise_count(one & others).sum(axis=1, dtype=np.int64)
        either = int(np.bitwise_count(one).sum(dtype=np.int64)) + sizes - both
        overlap[row] = both / np.maximum(either, 1)
    return overlap


def _packed(masks: Sequence[Mask]) -> NDArray[np.uint64]:
    """(masks, words) uint64, a bit for each pixel: an eighth of the masks; numbers would be four times them."""
    pixels = masks[0].size
    packed = np.zeros((len(masks), -(-pixels // 64) * 8), dtype=np.uint8)
    for row, mask in zip(packed, masks, strict=True):
        row[: -(-pixels // 8)] = np.packbits(mask)
    return packed.view(np.uint64)


def thinned(masks: Sequence[Mask], scores: Sequence[float], most: float) -> list[int]:
    """Greedy non-maximum suppression on masks: which stay, the surest first, so that none overlap by more than
    `most`.
    """
    overlap = iou(masks, masks)
    left = [int(at) for at in np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]
    kept: list[int] = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [other for other in left if overlap[best, other] <= most]
    return kept


def _carried(track: Linked, flow: Flow) -> Linked:
    """A track one frame on; only the part of the picture around it is looked at."""
    mask = track.instance.mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return track
    moved = np.nan_to_num(np.abs(flow[mask]), nan=0.0, posinf=0.0, neginf=0.0)
    reach = int(np.ceil(moved.max())) + 3
    part = (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach + 1),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + reach + 1),
    )
    there = np.zeros_like(mask)
    there[part] = warp.forward(mask[part], np.ascontiguousarray(flow[part])) > 0
    return replace(track, instance=replace(track.instance, mask=there, confidence=track.instance.confidence * _FADES))
