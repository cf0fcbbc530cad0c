"""Detections [E9]: boxes of the project's labels per keyframe, by a model that is asked for them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment import box_files
from enrichment.box_files import BoxReader
from enrichment.engines.boxes import Detection
from enrichment.errors import EngineInputError
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers.keyframes import frames_of
from enrichment.registry import register

FILE = "detections/detections.json"


@runtime_checkable
class DetectionEngine(Protocol):
    """What detections need of an engine; `parameters.labels` says what to look for."""

    def detect(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Sequence[Detection]]:
        """For each picture (height, width, 3) uint8 RGB what is on it, the surest first."""


@register
class Detections(Layer):
    """By the engine that the project has chosen; no classical method knows things by their names."""

    name = "detections"
    title = "Detections"
    cost = 7
    inputs = ("keyframes",)
    outputs = (Output(FILE, "JSON", "pixels (x, y, width, height), confidence 0-1"),)
    needs = DetectionEngine
    no_engine = (
        "No engine: finding objects by their name needs a trained detector, and none is chosen. The segmentation layer "
        "proposes objects without names. A manager chooses one in the project's settings, under Engines."
    )
    batch_stops = 32  # at 14 s each, which Grounding DINO takes on two cores, seven minutes and a half
    device = "gpu"
    from_project = {"labels": "label_keys"}
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """The batch's keyframes, as many at once as fit."""
        engine = context.engine
        if not engine.parameters.labels:
            raise EngineInputError("The project's taxonomy has no labels to look for; add some, then start a run.")

        def detect(model: DetectionEngine, few: list[tuple[int, NDArray[np.uint8]]]) -> Sequence[Sequence[Detection]]:
            return model.detect([picture for _, picture in few], engine.parameters)

        keyframes = span.among(context.input("keyframes", list))
        pictures = ((frame, context.frames.read(frame)) for frame in keyframes)
        found = {}
        for (frame, _), there in engine.over(pictures, detect):
            found[str(frame)] = [one.plain() for one in there]
            context.keep_going()
        context.pieces.write_json(_batch_of(span.index), found)

    def publish(self, context: Context) -> Product:
        """The boxes by frame."""
        spans = self.spans(context.clip.frame_count, self.stops(context.folder))
        file, sure = box_files.write(context, FILE, [_batch_of(span.index) for span in spans])
        return Product([file], measure=sure)

    def stops(self, folder: ClipFolder) -> list[int]:
        """The keyframes."""
        return frames_of(folder)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> BoxReader:
        """Boxes by frame."""
        return BoxReader(folder.local(FILE))

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Boxes with label and confidence; None on frames that were not looked at."""
        return box_files.overlay(folder.local(FILE), clip, frame)


def _batch_of(index: int) -> str:
    return f"batch_{index:05d}.json"
