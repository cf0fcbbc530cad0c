"""Weight-free engines against the demo scene, whose truth is known to the pixel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import iou, rle
from benchmarks.row import row
from benchmarks.watching import Watcher, boundary_errors, f1, phases
from enrichment.engines import motion_actions
from review.metrics.actions import Span

SEEDS = range(100, 105)  # none of the seeds on which the engines were tuned
FRAMES = 120
LEAST_PIXELS = 40  # what is all but hidden nobody outlines, and no engine is asked for
# Nobody expects a proposal for the wall, and a table top is proposed as what the things leave free.
NOT_COUNTED = {"background"}

Flow = NDArray[np.float32]
Masks = dict[int, NDArray[np.bool_]]


@dataclass
class Seen:
    """One scene as the engines saw it, beside its truth."""

    truth: scene.SceneTruth
    masks: list[Masks] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)  # px, mean end-point error of a frame
    still: list[float] = field(default_factory=list)  # px, the error of saying that nothing moves
    overlap: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # IoU by label
    actions: list[motion_actions.ActionSegment] = field(default_factory=list)


def rows() -> list[dict[str, Any]]:
    seen = [_see(seed) for seed in SEEDS]
    return [*_flow_rows(seen), *_mask_rows(seen), *_action_rows(seen)]


def _see(seed: int) -> Seen:
    spec = scene.SceneSpec(seed=seed, frames=FRAMES)
    seen = Seen(scene.describe(spec))
    labels = {thing.instance: thing.label for thing in seen.truth.objects}
    watcher = Watcher(spec.height, spec.width)
    last: scene.SceneFrame | None = None
    for frame in scene.render(spec):
        flow, proposals = watcher.step(frame.image)
        if last is not None and flow is not None:
            _measure_flow(seen, last, flow)
        truth = {int(n): frame.instances == n for n in np.unique(frame.instances)}
        shown = {n: mask for n, mask in truth.items() if labels.get(n, "background") not in NOT_COUNTED}
        seen.masks.append({n: mask for n, mask in shown.items() if mask.sum() >= LEAST_PIXELS})
        _measure_masks(seen, labels, [each.mask for each in proposals])
        last = frame
    seen.actions = watcher.actions(spec.fps)
    return seen


def _measure_flow(seen: Seen, frame: scene.SceneFrame, flow: Flow) -> None:
    valid = frame.flow_valid
    seen.errors.append(float(np.linalg.norm(flow - frame.flow, axis=2)[valid].mean()))
    seen.still.append(float(np.linalg.norm(frame.flow, axis=2)[valid].mean()))


def _measure_masks(seen: Seen, labels: Mapping[int, str], proposed: Sequence[NDArray[np.bool_]]) -> None:
    """Each thing's IoU with the proposal that the best assignment gives it, 0 without one."""
    truth = seen.masks[-1]
    numbers = list(truth)
    overlaps = iou.iou_matrix([rle.encode(truth[n]) for n in numbers], [rle.encode(mask) for mask in proposed])
    matched = dict.fromkeys(numbers, 0.0)
    for a, b, _ in iou.match(overlaps, at_least=0.0).pairs:
        matched[numbers[a]] = float(overlaps[a, b])
    for number, value in matched.items():
        seen.overlap[labels[number]].append(value)


def _flow_rows(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    error, still = fmean(e for s in seen for e in s.errors), fmean(e for s in seen for e in s.still)
    return [row("flow: mean end-point error", error, "px", against="saying nothing moves", ratio=error / still)]


def _mask_rows(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    by_label: dict[str, list[float]] = defaultdict(list)
    for each in seen:
        for label, values in each.overlap.items():
            by_label[label] += values
    every = [value for values in by_label.values() for value in values]
    found = [
        row("proposals: mean mask IoU, all things", fmean(every), "IoU", against="a perfect mask", ratio=fmean(every))
    ]
    for label, values in sorted(by_label.items()):
        found.append(row(f"proposals: mean mask IoU, {label}", fmean(values), "IoU"))
    return found


def _action_rows(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    errors: list[float] = []
    f1s: list[float] = []
    for each in seen:
        rate = each.truth.spec.fps
        said = [Span(one.start / rate, one.end / rate, one.phase) for one in phases(each.actions)]
        true = [Span(one.start / rate, one.end / rate, one.phase) for one in each.truth.segments]
        errors += boundary_errors(said, true, missing=FRAMES / rate)
        f1s.append(f1(said, true, overlap=0.5))
    score, worst = fmean(f1s), min(f1s)
    return [
        row(
            "actions: median boundary error",
            median(errors),
            "s",
            against="the limit of 0.15 s",
            ratio=median(errors) / 0.15,
        ),
        row("actions: F1@50 of phases, mean of scenes", score, "F1", against="the limit of 0.8", ratio=score / 0.8),
        row(
            "actions: F1@50 of phases, the worst scene",
            worst,
            "F1",
            against="the limit of 0.8",
            ratio=worst / 0.8,
        ),
    ]


if __name__ == "__main__":
    for each in rows():
        print(f"{each['name']:<58}{each['value']:>10.3f} {each['unit']:<8}{each['against']} {each['ratio'] or ''}")
