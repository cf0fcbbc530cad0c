"""Masks carried through the demo scene, whose truth is known to the pixel, beside the flow alone on the same frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry.iou import mask_iou
from benchmarks.processes import measure
from benchmarks.row import row
from enrichment.carriers.flow import Flow
from enrichment.engines.mask_flow import MaskFlow
from enrichment.engines.shape_interpolation import Between
from enrichment.propagation.carrier import Keyframe, Stretch

# None of the seeds on which the engine was tuned; the second camera is carried about.
SCENES = ((100, 0.0), (101, 0.04), (102, 0.0))
FIRST, FRAMES = 35, 90  # through grasp, lift, transport and place
EVERY = 10
SHORT, LONG = 30, 300  # frames, for memory
LEAST_PIXELS = 40
NOT_COUNTED = {"background", "support_surface"}

Mask = NDArray[np.bool_]


@dataclass
class Clip:
    """The frames of one scene in memory, as a carrier and the truth need them."""

    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    instances: list[NDArray[np.uint8]] = field(default_factory=list)
    things: dict[int, str] = field(default_factory=dict)

    def mask(self, thing: int, frame: int) -> Mask:
        return self.instances[frame] == thing

    def walk(self, first: int, last: int, /) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """See `enrichment.propagation.carrier.Pictures`."""
        for frame in range(first, last + 1) if last >= first else range(first, last - 1, -1):
            yield frame, self.pictures[frame]


@dataclass
class Scores:
    """IoU of every carried mask with the truth, by way of carrying, and seconds per frame."""

    near: dict[str, list[float]] = field(default_factory=dict)
    whole: dict[str, list[float]] = field(default_factory=dict)
    gaps: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)


def rows() -> list[dict[str, Any]]:
    scores = Scores()
    for seed, sway in SCENES:
        clip = _rendered(seed, sway)
        for thing in clip.things:
            if clip.mask(thing, FIRST).sum() >= LEAST_PIXELS:
                _carry(clip, thing, scores)
                _bridge(clip, thing, scores)
    return [*_carried_rows(scores), *_gap_rows(scores), *_memory_rows()]


def _rendered(seed: int, sway: float) -> Clip:
    spec = scene.SceneSpec(seed=seed, frames=FIRST + FRAMES + 1, camera_motion=sway)
    clip = Clip(things={each.instance: each.label for each in scene.describe(spec).objects})
    clip.things = {number: label for number, label in clip.things.items() if label not in NOT_COUNTED}
    for frame in scene.render(spec):
        clip.pictures.append(frame.image)
        clip.instances.append(frame.instances)
    return clip


def _carry(clip: Clip, thing: int, scores: Scores) -> None:
    """From one keyframe over 90 frames, settled and by the flow alone."""
    for name, refine in (("settled", True), ("flow alone", False)):
        follower = MaskFlow(clip.pictures[FIRST], clip.mask(thing, FIRST), refine=refine)
        values = []
        for frame in range(FIRST + 1, FIRST + FRAMES + 1):
            began = time.perf_counter()
            found = follower.step(clip.pictures[frame]).mask
            scores.seconds.setdefault(name, []).append(time.perf_counter() - began)
            truth = clip.mask(thing, frame)
            if truth.sum() >= LEAST_PIXELS:
                values.append(mask_iou(found, truth))
        scores.near.setdefault(name, []).extend(values[:30])
        scores.whole.setdefault(name, []).extend(values)


def _bridge(clip: Clip, thing: int, scores: Scores) -> None:
    """Between keyframes ten frames apart: shapes alone, and the flow from both ends."""
    for first in range(FIRST, FIRST + FRAMES, EVERY):
        near, far = clip.mask(thing, first), clip.mask(thing, first + EVERY)
        if min(near.sum(), far.sum()) < LEAST_PIXELS:
            continue
        between = Between(near, far)
        stretch = Stretch(Keyframe(first, near), first + EVERY - 1, Keyframe(first + EVERY, far))
        carried = {each.frame: each.mask for each in Flow().carry(clip, stretch)}
        for frame in stretch.frames:
            truth = clip.mask(thing, frame)
            if truth.sum() < LEAST_PIXELS:
                continue
            shape = between.at((frame - first) / EVERY)
            empty = np.zeros_like(truth)
            for name, mask in (("shapes", shape), ("both ends", carried.get(frame, empty)), ("keyframe left", near)):
                scores.gaps.setdefault(name, []).append(mask_iou(mask, truth))


def _carried_rows(scores: Scores) -> list[dict[str, Any]]:
    found = []
    for frames, values in ((30, scores.near), (FRAMES, scores.whole)):
        mine, theirs = fmean(values["settled"]), fmean(values["flow alone"])
        name = f"propagation: mean IoU over {frames} frames"
        found.append(row(name, mine, "IoU", against="the flow alone", ratio=mine / theirs))
    mine, theirs = (1 / fmean(scores.seconds[name]) for name in ("settled", "flow alone"))
    found.append(row("propagation: 640x480", mine, "frames/s", against="the flow alone", ratio=mine / theirs))
    return found


def _memory_rows() -> list[dict[str, Any]]:
    """Forwards, and between two keyframes, from a file: what is held must not grow with the way."""
    short, long = measure("carry", SHORT), measure("carry", LONG)
    name = f"propagation: peak memory over {LONG} frames, 640x480"
    return [
        row("propagation from a file, 640x480", long.rate, "frames/s"),
        row(name, long.peak / 2**20, "MiB", against=f"{SHORT} frames", ratio=long.peak / max(short.peak, 1)),
    ]


def _gap_rows(scores: Scores) -> list[dict[str, Any]]:
    left = fmean(scores.gaps["keyframe left"])
    names = {"shapes": "interpolation", "both ends": "propagation from both ends"}
    return [
        row(
            f"{title}: mean IoU, a keyframe every {EVERY} frames",
            fmean(scores.gaps[name]),
            "IoU",
            against="the keyframe left where it is",
            ratio=fmean(scores.gaps[name]) / left,
        )
        for name, title in names.items()
    ]
