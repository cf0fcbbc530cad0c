"""People [E2]: where somebody is, on every frame; what pose looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment import box_files
from enrichment.box_files import BoxReader
from enrichment.engines.boxes import Detection
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

FILE = "people/boxes.json"


@runtime_checkable
class PeopleEngine(Protocol):
    """What finding people needs of an engine."""

    def people(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Sequence[Detection]]:
        """For each picture (height, width, 3) uint8 RGB the people on it, the surest first."""


@register
class People(Layer):
    """By the engine that the project has chosen."""

    name = "people"
    title = "People"
    cost = 6
    outputs = (Output(FILE, "JSON", "pixels (x, y, width, height), confidence 0-1"),)
    needs = PeopleEngine
    no_engine = (
        "No engine: finding people needs a trained detector, and none is chosen; what classical detectors find is not "
        "credible. A manager chooses one in the project's settings, under Engines."
    )
    batch_frames = 32
    device = "gpu"
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """Every frame of the batch, as many at once as fit."""
        engine = context.engine

        def look(model: PeopleEngine, few: list[tuple[int, NDArray[np.uint8]]]) -> Sequence[Sequence[Detection]]:
            return model.people([picture for _, picture in few], engine.parameters)

        found = {}
        for (frame, _), there in engine.over(context.frames.iterate(span.start, span.end), look):
            found[str(frame)] = [one.plain() for one in there]
            context.keep_going()
        context.pieces.write_json(_batch_of(span.index), found)

    def publish(self, context: Context) -> Product:
        """The boxes by frame."""
        spans = self.spans(context.clip.frame_count)
        file, sure = box_files.write(context, FILE, [_batch_of(span.index) for span in spans])
        return Product([file], measure=sure)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> BoxReader:
        """Boxes by frame."""
        return BoxReader(folder.local(FILE))

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Boxes with their confidence."""
        return box_files.overlay(folder.local(FILE), clip, frame)


def _batch_of(index: int) -> str:
    return f"batch_{index:05d}.json"
