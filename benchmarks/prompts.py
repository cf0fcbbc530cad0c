"""What the weight-free engine makes of a box and of clicks: on the demo scene, and on held things of real clips.

The real masks are outlines of our own (benchmarks/truth/*.masks.json); the clips that they lie on stay outside of the
project, in the folder that LOUPE_SAMPLES names.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry.iou import mask_iou
from benchmarks.processes import passes
from benchmarks.row import row
from enrichment.engines.grabcut_prompts import GrabcutPrompter
from enrichment.prompting.prompter import Box, Click, Previous, Prompt, Prompter

BROWSER = "tests/browser/test_prompt.py::test_boxes_and_clicks_become_masks_of_what_they_point_at"
TRUTH = Path(__file__).with_name("truth")
# None of the seeds on which the engine was tuned.
SEEDS = (100, 101, 102)
FRAMES = (20, 60)
LEAST_PIXELS = 100  # nobody points at less
NOT_COUNTED = {"background", "support_surface"}
CLICKS = 3
LIMIT = 250  # ms, from the hand to the painted mask

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thing:
    """Something to point at: a picture (height, width, 3) uint8 RGB and its true mask (height, width) bool."""

    name: str
    picture: NDArray[np.uint8]
    mask: Mask


@dataclass
class Scores:
    """IoU of each answer by the way of asking, and the seconds that it took."""

    iou: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, iou: float, seconds: float | None = None) -> None:
        self.iou.setdefault(way, []).append(iou)
        if seconds is not None:
            self.seconds.setdefault(way, []).append(seconds)


def rows() -> list[dict[str, Any]]:
    found = [*_rows("demo scene", measured(GrabcutPrompter(), list(in_scenes(SEEDS)))), *in_browser()]
    folder = os.environ.get("LOUPE_SAMPLES", "")
    if not folder:
        print("  real clips: skipped, LOUPE_SAMPLES does not name the folder with blocks.mp4 and coffee.mp4")
        return found
    return found + _rows("real clips", measured(GrabcutPrompter(), list(in_clips(Path(folder)))))


def in_browser() -> list[dict[str, Any]]:
    """From letting go of the mouse to the painted mask, in Chromium at 1280x720, by its own timeline."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        if not passes("prompts in Chromium", BROWSER, LOUPE_FIGURES=str(figures)):
            return []
        asked: dict[str, list[float]] = json.loads(figures.read_text())
    every = [each for times in asked.values() for each in times]
    against = {"against": f"the limit of {LIMIT} ms", "unit": "ms"}
    return [
        row(f"prompts in Chromium, 1280x720: {way}", slow, ratio=slow / LIMIT, **against)
        for way, slow in (
            *((f"{way} to mask, p95", float(np.percentile(times, 95))) for way, times in asked.items()),
            (f"prompt to mask of {len(every)}, median", float(np.median(every))),
            (f"prompt to mask of {len(every)}, p95", float(np.percentile(every, 95))),
        )
    ]


def in_scenes(seeds: Sequence[int]) -> Iterator[Thing]:
    """Every thing on a few frames of rendered scenes, whose truth is known to the pixel."""
    for seed in seeds:
        spec = scene.SceneSpec(seed=seed)
        labels = {each.instance: each.label for each in scene.describe(spec).objects}
        for number, frame in enumerate(scene.render(spec)):
            if number not in FRAMES:
                continue
            for instance, label in labels.items():
                mask = frame.instances == instance
                if label not in NOT_COUNTED and mask.sum() >= LEAST_PIXELS:
                    yield Thing(f"{label} of scene {seed}, frame {number}", frame.image, mask)
            if number == FRAMES[-1]:
                break


def in_clips(folder: Path) -> Iterator[Thing]:
    """Every outlined thing of the real clips."""
    for path in sorted(TRUTH.glob("*.masks.json")):
        truth = json.loads(path.read_text())
        pictures = _pictures(folder / truth["clip"], {each["frame"] for each in truth["masks"]})
        for each in truth["masks"]:
            drawn = np.zeros((truth["height"], truth["width"]), np.uint8)
            cv2.fillPoly(drawn, [np.array(points, np.int32) for points in each["polygons"]], 1)
            yield Thing(f"{each['name']} of {truth['clip']}, frame {each['frame']}", pictures[each["frame"]], drawn > 0)


def measured(prompter: Prompter, things: Sequence[Thing]) -> Scores:
    """A box, a click, and two more clicks where the mask is most wrong, as somebody would who sees it."""
    scores = Scores()
    for thing in things:
        began = time.perf_counter()
        seen = prompter.embed(thing.picture)
        scores.seconds.setdefault("embed", []).append(time.perf_counter() - began)
        box = _box(thing.mask)
        found, took = _asked(prompter, seen, Prompt(box=box))
        scores.add("box", mask_iou(found[0][0], thing.mask), took)
        clicks = [_deepest(thing.mask, belongs=True)]
        found, took = _asked(prompter, seen, Prompt(points=clicks))
        scores.add("1 click", mask_iou(found[0][0], thing.mask), took)
        scores.add("1 click, best candidate", max(mask_iou(mask, thing.mask) for mask, _ in found))
        while len(clicks) < CLICKS:
            mask, state = found[0]
            clicks.append(_correction(mask, thing.mask))
            found, took = _asked(prompter, seen, Prompt(points=clicks, previous=Previous(mask, state)))
            scores.seconds.setdefault("correction", []).append(took)
        scores.add(f"{CLICKS} clicks", mask_iou(found[0][0], thing.mask))
    return scores


def _asked(prompter: Prompter, seen: Any, prompt: Prompt) -> tuple[list[tuple[Mask, Any]], float]:
    began = time.perf_counter()
    found = prompter.answer(seen, prompt)
    return [(each.mask, each.state) for each in found], time.perf_counter() - began


def _box(mask: Mask) -> Box:
    """As a hand draws it: a little outside of the thing."""
    rows_, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    width, height = columns[-1] - columns[0] + 1, rows_[-1] - rows_[0] + 1
    x, y = max(2, round(0.03 * width)), max(2, round(0.03 * height))
    return (float(columns[0] - x), float(rows_[0] - y), float(width + 2 * x), float(height + 2 * y))


def _deepest(mask: Mask, *, belongs: bool) -> Click:
    """A click on the spot that lies deepest inside."""
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return (float(x), float(y), belongs)


def _correction(mask: Mask, truth: Mask) -> Click:
    """A click into the largest mistake."""
    missing, surplus = truth & ~mask, mask & ~truth
    if not (missing | surplus).any():
        return _deepest(truth, belongs=True)
    mistakes = []
    for wrong, belongs in ((missing, True), (surplus, False)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
        if len(stats) > 1:
            largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            mistakes.append((int(stats[largest, cv2.CC_STAT_AREA]), belongs, labels == largest))
    _, belongs, where = max(mistakes, key=lambda each: each[0])
    return _deepest(where, belongs=belongs)


def _pictures(path: Path, frames: set[int]) -> dict[int, NDArray[np.uint8]]:
    with av.open(str(path)) as clip:
        found = {}
        for number, decoded in enumerate(clip.decode(video=0)):
            if number in frames:
                found[number] = decoded.to_ndarray(format="rgb24")
            if len(found) == len(frames):
                break
    return found


def _rows(where: str, scores: Scores) -> list[dict[str, Any]]:
    things = len(scores.iou["box"])
    found = []
    for way, values in scores.iou.items():
        name = f"prompts, {where}, {things} things: IoU, {way}"
        found.append(row(name, fmean(values), "IoU", against="a perfect mask", ratio=fmean(values)))
    for way, values in scores.seconds.items():
        slow = 1000 * float(np.percentile(values, 95))
        against = {"against": f"the limit of {LIMIT} ms, with the browser", "ratio": slow / LIMIT}
        found.append(row(f"prompts, {where}: {way}, p95", slow, "ms", **({} if way == "embed" else against)))
    return found
