"""Scenes whose truth is known, with the flow that an engine computes from their noisy pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import rle
from enrichment.checks.observed_motion import Observed, TrackMasks, observe
from enrichment.engines.dis_flow import DisFlow

Flow = NDArray[np.float32]
Masks = Sequence[Mapping[int, NDArray[np.bool_]]]
LEAST_PIXELS = 40  # nobody outlines less


@dataclass(frozen=True)
class Shot:
    """A rendered scene: its truth, masks by frame and instance, grey pictures, and DIS flow, as float16 to be small."""

    truth: scene.SceneTruth
    masks: Masks
    flows: Sequence[NDArray[np.float16]]
    pictures: Sequence[NDArray[np.uint8]]

    def flow(self, frame: int) -> Flow | None:
        return self.flows[frame].astype(np.float32) if frame < len(self.flows) else None

    def picture(self, frame: int) -> NDArray[np.uint8]:
        return self.pictures[frame]

    @property
    def size(self) -> tuple[int, int]:
        return self.truth.spec.height, self.truth.spec.width

    @property
    def moved(self) -> int:
        """The instance that is picked and placed."""
        return self.truth.with_label("target_object")[0].instance

    def phase(self, name: str) -> scene.Segment:
        return next(segment for segment in self.truth.segments if segment.phase == name)

    def left_behind(self, start: int) -> tuple[Masks, tuple[int, int]]:
        return scene.mask_on_wrong_object(self.masks, moved=self.moved, start=start)

    def observed(self, masks: Masks | None = None) -> Observed:
        size = (self.truth.spec.height, self.truth.spec.width)
        tracks = tracks_of(self.truth, self.masks if masks is None else masks)
        return observe(self.flow, tracks, range(self.truth.spec.frames), size)


def shoot(spec: scene.SceneSpec) -> Shot:
    masks: list[dict[int, NDArray[np.bool_]]] = []
    flows: list[NDArray[np.float16]] = []
    pictures: list[NDArray[np.uint8]] = []
    engine = DisFlow()
    before = None
    for frame in scene.render(spec):
        found = {int(n): frame.instances == n for n in np.unique(frame.instances) if n}
        masks.append({number: mask for number, mask in found.items() if mask.sum() >= LEAST_PIXELS})
        if before is not None:
            flows.append(engine.flow(before, frame.image).astype(np.float16))
        before = frame.image
        pictures.append(np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8))
    return Shot(scene.describe(spec), masks, flows, pictures)


def tracks_of(truth: scene.SceneTruth, masks: Masks, *, every: int = 1) -> list[TrackMasks]:
    """The tracks that an annotator would draw, on every frame or on key frames."""
    return [
        TrackMasks(
            thing.instance,
            thing.label,
            "rigid",
            {
                n: rle.encode(drawn[thing.instance])
                for n, drawn in enumerate(masks)
                if n % every == 0 and thing.instance in drawn
            },
        )
        for thing in truth.objects
        if thing.instance
    ]


def key_frames(masks: Masks, every: int) -> Masks:
    return [drawn if n % every == 0 else {} for n, drawn in enumerate(masks)]


def late(truth: scene.SceneTruth, frames: int) -> list[scene.Segment]:
    """All inner boundaries moved, the ends of the clip left alone."""
    last = truth.spec.frames

    def moved(frame: int) -> int:
        return min(max(frame + frames, 0), last) if 0 < frame < last else frame

    return [replace(each, start=moved(each.start), end=moved(each.end)) for each in truth.segments]


def counted(flow: Callable[[int], Flow | None], asked: list[int]) -> Callable[[int], Flow | None]:
    def read(frame: int) -> Flow | None:
        asked.append(frame)
        return flow(frame)

    return read
