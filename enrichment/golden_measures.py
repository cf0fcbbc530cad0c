"""How far a layer's files are from a known answer, in figures that can be compared from version to version [E13].

Answers come from the renderer, which knows its scene to the pixel, or from what people accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import cv2
import numpy as np

from annotation import scene
from annotation.geometry import intervals, iou, rle
from enrichment.layers.actions import ActionsReader
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import TrackReader

# Pixels of a thing that is all but hidden; nobody outlines it.
LEAST_PIXELS = 40


@dataclass(frozen=True)
class Measure:
    """A figure of a layer: its unit, whether more of it is better, and how much worse is still the same."""

    layer: str
    name: str
    unit: str
    more_is_better: bool
    slack: float

    def worse(self, now: float, before: float) -> bool:
        """Whether a figure has become worse by more than the slack."""
        return (before - now if self.more_is_better else now - before) > self.slack


FLOW = Measure("flow", "mean end-point error", "px", False, 0.02)
MASKS = Measure("segmentation", "mean IoU of things", "IoU", True, 0.01)
BOUNDARY = Measure("actions", "median boundary error", "s", False, 0.02)
SEGMENTS = Measure("actions", "F1 of phases at IoU 0.5", "F1", True, 0.02)
EVERY = {f"{each.layer}: {each.name}": each for each in (FLOW, MASKS, BOUNDARY, SEGMENTS)}

Drawn = Mapping[int, Sequence[rle.Rle]]  # masks by frame
Span = tuple[str, float, float]  # phase or class, start and end in seconds


def of_scene(spec: scene.SceneSpec, readers: Mapping[str, object]) -> dict[Measure, float]:
    """A rendered scene's figures.

    Args:
        spec: of the scene.
        readers: what the finished layers opened, by name; layers that are missing are not measured.
    """
    flow = readers.get("flow")
    errors: list[float] = []
    things: dict[int, list[rle.Rle]] = {}
    truth = scene.describe(spec)
    wall = {each.instance for each in truth.objects if each.label == "background"} | {0}
    last: scene.SceneFrame | None = None
    for number, frame in enumerate(scene.render(spec)):
        if last is not None and isinstance(flow, FlowReader):
            found = _at_size(flow.full(number - 1), (spec.height, spec.width))
            errors.append(float(np.linalg.norm(found - last.flow, axis=2)[last.flow_valid].mean()))
        masks = [frame.instances == instance for instance in np.unique(frame.instances) if instance not in wall]
        things[number] = [rle.encode(mask) for mask in masks if mask.sum() >= LEAST_PIXELS]
        last = frame
    figures = {FLOW: fmean(errors)} if errors else {}
    spans = [(each.phase or "", each.start / spec.fps, each.end / spec.fps) for each in truth.segments]
    return figures | of_truth(things, spans, readers, lambda frame: frame / spec.fps)


def of_truth(
    drawn: Drawn, spans: Iterable[Span], readers: Mapping[str, object], seconds: Callable[[int], float]
) -> dict[Measure, float]:
    """Figures of proposed masks and segments beside true ones.

    Args:
        drawn: the true masks of the frames that have any.
        spans: the true segments.
        readers: what the finished layers opened, by name.
        seconds: when a frame's boundary is.
    """
    figures: dict[Measure, float] = {}
    tracks, actions = readers.get("segmentation"), readers.get("actions")
    if isinstance(tracks, TrackReader) and any(drawn.values()):
        overlaps = [best for frame, truth in drawn.items() if truth for best in _best(truth, tracks.encoded(frame))]
        figures[MASKS] = fmean(overlaps)
    true = list(spans)
    if isinstance(actions, ActionsReader) and true:
        proposed = [
            (str(each.get("phase") or each.get("label") or ""), seconds(each["start"]), seconds(each["end"]))
            for each in actions.segments
            if each.get("level", "primitive") == "primitive"
        ]
        figures[BOUNDARY] = _boundary_error(true, proposed)
        figures[SEGMENTS] = _f1(true, proposed)
    return figures


def mean(found: Iterable[Mapping[Measure, float]]) -> dict[str, float]:
    """Figures over several clips, by `layer: name`."""
    values: dict[str, list[float]] = defaultdict(list)
    for figures in found:
        for measure, value in figures.items():
            values[f"{measure.layer}: {measure.name}"].append(value)
    return {name: round(fmean(each), 4) for name, each in sorted(values.items())}


def _at_size(flow: Any, size: tuple[int, int]) -> Any:
    if flow.shape[:2] == size:
        return flow
    stretch = np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], np.float32)
    return cv2.resize(flow, (size[1], size[0])) * stretch


def _best(truth: Sequence[rle.Rle], proposed: Mapping[int, rle.Rle]) -> list[float]:
    """Each true mask's IoU with the proposal that the best assignment gives it, 0 without one."""
    overlaps = iou.iou_matrix(list(truth), list(proposed.values()))
    found = [0.0] * len(truth)
    for a, b, _ in iou.match(overlaps, at_least=0.0).pairs:
        found[a] = float(overlaps[a, b])
    return found


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
