"""How far a layer's files are from a known answer, in figures that can be compared from version to version [E13].

Answers come from the renderer, which knows its scene to the pixel (golden_scene.py), or from what people accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from annotation.geometry import intervals, iou, rle
from annotation.media.mask_tracks import MaskTracks
from enrichment.box_files import BoxReader
from enrichment.engines import boxes
from enrichment.engines.motion_features import SURFACES
from enrichment.layers.actions import ActionsReader


@dataclass(frozen=True)
class Measure:
    """A figure of a layer: its unit, whether more of it is better, and how much worse is still the same."""

    layer: str
    name: str
    unit: str
    more_is_better: bool
    slack: float

    @property
    def key(self) -> str:
        """What it is kept under."""
        return f"{self.layer}: {self.name}"

    def worse(self, now: float, before: float) -> bool:
        """Whether a figure has become worse by more than the slack."""
        return (before - now if self.more_is_better else now - before) > self.slack


FLOW = Measure("flow", "mean end-point error", "px", False, 0.02)
METRES = Measure("depth", "AbsRel", "", False, 0.01)
DEPTH = Measure("depth", "AbsRel, aligned in scale and shift", "", False, 0.01)
MASKS = Measure("segmentation", "mean IoU of things", "IoU", True, 0.01)
FOUND = Measure("detections", "recall at IoU 0.5", "share", True, 0.02)
NAMED = Measure("detections", "recall at IoU 0.5 with the right label", "share", True, 0.02)
BOUNDARY = Measure("actions", "median boundary error", "s", False, 0.02)
SEGMENTS = Measure("actions", "F1 of phases and actions at IoU 0.5", "F1", True, 0.02)
PEOPLE = Measure("people", "people seen where nobody is", "a frame", False, 0.05)
POSE = Measure("pose", "poses given where nobody is", "a frame", False, 0.05)
GRIPPER = Measure("end_effector", "median distance from the gripper's tips", "px", False, 1.0)
CUTS = Measure("keyframes", "changes of scene seen in one shot", "changes", False, 0.0)
FAULTS = Measure("metadata", "frames called bad or missing that are not", "share", False, 0.01)
EVERY = {
    each.key: each
    for each in (
        *(FLOW, METRES, DEPTH, MASKS, FOUND, NAMED, BOUNDARY, SEGMENTS),
        *(PEOPLE, POSE, GRIPPER, CUTS, FAULTS),
    )
}


@dataclass(frozen=True)
class Thing:
    """A true mask, COCO RLE, and the key of its label."""

    label: str
    mask: rle.Rle


Drawn = Mapping[int, Sequence[Thing]]  # by frame
Span = tuple[str, float, float]  # phase or class, start and end in seconds


def of_truth(
    drawn: Drawn,
    spans: Mapping[str, Sequence[Span]],
    readers: Mapping[str, object],
    seconds: Callable[[int], float],
) -> dict[Measure, float]:
    """Figures of proposed masks, boxes and segments beside true ones.

    Args:
        drawn: the true masks of the frames that have any.
        spans: the true segments by level, "task" or "primitive"; proposals of a level without any are not judged.
        readers: what the finished layers opened, by name.
        seconds: when a frame's boundary is.
    """
    figures: dict[Measure, float] = {}
    tracks, found, actions = readers.get("segmentation"), readers.get("detections"), readers.get("actions")
    if isinstance(tracks, MaskTracks) and any(drawn.values()):
        overlaps = [best for frame, truth in drawn.items() if truth for best in _best(truth, tracks.encoded(frame))]
        figures[MASKS] = fmean(overlaps)
    if isinstance(found, BoxReader):
        figures |= _recall(drawn, found)
    true = [span for level in spans.values() for span in level]
    if isinstance(actions, ActionsReader) and true:
        proposed = [
            (str(each.get("phase") or each.get("action") or ""), seconds(each["start"]), seconds(each["end"]))
            for each in actions.segments
            if spans.get(each.get("level", "primitive"))
        ]
        figures[BOUNDARY] = _boundary_error(true, proposed)
        figures[SEGMENTS] = _f1(true, proposed)
    return figures


def mean(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Figures over several clips, by key."""
    values: dict[str, list[float]] = defaultdict(list)
    for figures in found:
        for key, value in figures.items():
            values[key].append(value)
    return {key: round(fmean(each), 4) for key, each in sorted(values.items())}


def _best(truth: Sequence[Thing], proposed: Mapping[int, rle.Rle]) -> list[float]:
    """Each true mask's IoU with the proposal that the best assignment gives it, 0 without one."""
    overlaps = iou.iou_matrix([each.mask for each in truth], list(proposed.values()))
    found = [0.0] * len(truth)
    for a, b, _ in iou.match(overlaps, at_least=0.0).pairs:
        found[a] = float(overlaps[a, b])
    return found


def _recall(drawn: Drawn, found: BoxReader) -> dict[Measure, float]:
    """How many of the things have a box, on the frames that were looked at and are known; surfaces are no things."""
    known = hits = named = 0
    for frame, truth in drawn.items():
        there = found.found(frame)
        things = [each for each in truth if each.label not in SURFACES]
        if there is None or not things:
            continue
        true = np.array([rle.bbox(each.mask) for each in things], np.float64)
        overlaps = boxes.iou(true, np.array([each.bbox for each in there], np.float64))
        labels = {"labels_a": [each.label for each in things], "labels_b": [each.label for each in there]}
        known += len(things)
        hits += len(iou.match(overlaps, at_least=0.5).pairs)
        pairs = iou.match(overlaps, at_least=0.5, **labels).pairs
        named += sum(things[a].label == there[b].label for a, b, _ in pairs)
    return {FOUND: hits / known, NAMED: named / known} if known else {}


def _boundary_error(true: Sequence[Span], proposed: Sequence[Span]) -> float:
    edges = [edge for _, start, end in proposed for edge in (start, end)]
    last = max(end for _, _, end in true)
    return median(min((abs(start - edge) for edge in edges), default=last) for _, start, _ in true)


def _f1(true: Sequence[Span], proposed: Sequence[Span]) -> float:
    left = list(proposed)
    right = 0
    for name, start, end in true:
        match = next((o for o in left if o[0] == name and intervals.temporal_iou((start, end), o[1:]) >= 0.5), None)
        if match is not None:
            left.remove(match)
            right += 1
    return 2 * right / max(len(true) + len(proposed), 1)
