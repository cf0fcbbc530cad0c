"""Captions [E7]: two or three sentences per keyframe, by a model here or one that is asked over the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines.captioning import Caption
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers.keyframes import frames_of
from enrichment.registry import register

FILE = "captions/captions.json"


@runtime_checkable
class CaptionEngine(Protocol):
    """What captions need of an engine."""

    def caption(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Caption]:
        """For each picture (height, width, 3) uint8 RGB what it shows."""


class CaptionReader:
    """The captions of a finished layer; raises ValueError when the file holds none."""

    def __init__(self, folder: ClipFolder) -> None:
        content = json.loads(folder.local(FILE).read_bytes())
        try:
            self.captions = {
                int(frame): Caption(
                    str(one["caption"]),
                    tuple(str(tag) for tag in one.get("tags", ())),
                    str(one.get("environment", "")),
                    str(one.get("lighting", "")),
                )
                for frame, one in content["frames"].items()
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{FILE} does not hold captions by frame ({error}).") from error


@register
class Captions(Layer):
    """By the engine that the project has chosen. One keyframe is one piece, so that a paid answer is asked for once."""

    name = "captions"
    title = "Captions"
    cost = 9
    inputs = ("keyframes",)
    outputs = (Output(FILE, "JSON", "English sentences by frame"),)
    needs = CaptionEngine
    no_engine = (
        "No engine: captions need a vision-language model, and none is chosen. A manager chooses one in the project's "
        "settings, under Engines: local weights, or a service that the pictures are then sent to."
    )
    batch_stops = 32
    device = "gpu"

    def compute(self, context: Context, span: Span) -> None:
        """Every keyframe of the batch that has no caption from an earlier attempt."""
        engine = context.engine

        def write(model: CaptionEngine, few: list[tuple[int, NDArray[np.uint8]]]) -> Sequence[Caption]:
            return model.caption([picture for _, picture in few], engine.parameters)

        keyframes = span.among(context.input("keyframes", list))
        left = [frame for frame in keyframes if not context.pieces.has(_piece(frame))]
        for (frame, _), caption in engine.over(((frame, context.frames.read(frame)) for frame in left), write):
            context.pieces.write_json(_piece(frame), asdict(caption))
            context.keep_going()

    def publish(self, context: Context) -> Product:
        """All captions by frame."""
        frames = {}
        for frame in context.input("keyframes", list):
            one = context.pieces.read_json(_piece(frame))
            frames[str(frame)] = {
                "seconds": context.clip.seconds[frame],
                "caption": one["text"],
                "tags": list(one["tags"]),
                "environment": one["environment"],
                "lighting": one["lighting"],
                "refused": one["refused"],
            }
        engine = context.engine
        told = {"engine": engine.name, "engine_version": engine.version, "language": "en", "frames": frames}
        return Product([context.folder.write(FILE, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())])

    def stops(self, folder: ClipFolder) -> list[int]:
        """The keyframes."""
        return frames_of(folder)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> CaptionReader:
        """Captions by frame."""
        return CaptionReader(folder)


def _piece(frame: int) -> str:
    return f"{frame:06d}.json"
