"""Vectors per keyframe that say how it looks or what it shows, from one engine or several [E8]."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines import appearance
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers.keyframes import frames_of
from enrichment.loading import InHand
from enrichment.registry import register

VECTORS_FILE = "embeddings/vectors.npy"
FRAMES_FILE = "embeddings/frames.json"

Vectors = NDArray[np.float32]


@runtime_checkable
class EmbeddingEngine(Protocol):
    """What embeddings need of an engine. dimensions: of its vectors. finds: what near vectors have in common."""

    dimensions: int
    finds: str

    def embed(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Vectors]:
        """For each picture (height, width, 3) uint8 RGB, (dimensions,) float32 of length 1."""


class VectorReader:
    """The vectors of a finished layer; `frames` are the keyframes, one per row."""

    def __init__(self, folder: ClipFolder) -> None:
        self._folder = folder
        self.meta: dict[str, Any] = json.loads(folder.local(FRAMES_FILE).read_bytes())
        self.frames: list[int] = self.meta["frames"]
        self.engines: list[str] = [each["engine"] for each in self.meta["engines"]]

    def read(self, engine: str = "") -> Vectors:
        """(keyframes, dimensions) float32, each row of length 1, by the named engine or the first."""
        file = next((each["file"] for each in self.meta["engines"] if each["engine"] == engine), None)
        if engine and file is None:
            raise ValueError(f"There are no vectors of {engine}; there are those of {', '.join(self.engines)}.")
        with self._folder.local(file or VECTORS_FILE).open("rb") as stored:
            return np.asarray(np.load(stored, allow_pickle=False), dtype=np.float32)


@register
class Embeddings(Layer):
    """By default colour, shape and texture, which find near-duplicates; trained models know of meaning."""

    name = "embeddings"
    title = "Embeddings"
    version = "2"
    cost = 2
    # At a second each and with several engines it takes minutes; fewer would load one model after the other for little.
    batch_stops = 128
    inputs = ("keyframes",)
    outputs = (
        Output("embeddings/vectors*.npy", "float32 (keyframes, dimensions)", "none; each row has length 1"),
        Output(FRAMES_FILE, "JSON", "frame numbers, one per row, and whose vectors lie in which file"),
    )
    engine = appearance.NAME
    needs = EmbeddingEngine
    several = True

    def compute(self, context: Context, span: Span) -> None:
        """The batch's keyframes by one engine after the other, as one model is in memory at a time."""
        frames = span.among(context.input("keyframes", list))
        for number, engine in enumerate(context.engines):
            vectors, finds = self._embed(context, engine, frames)
            context.pieces.write_array(_piece(number, span, "npy"), vectors)
            context.pieces.write_json(_piece(number, span, "json"), finds)

    def _embed(self, context: Context, engine: InHand, frames: Sequence[int]) -> tuple[Vectors, list[str]]:
        """One engine's vectors, (frames, dimensions) float32, and what near ones have in common."""
        finds: set[str] = set()

        def embed(model: EmbeddingEngine, few: list[NDArray[np.uint8]]) -> Sequence[Vectors]:
            finds.add(model.finds)
            return model.embed(few, engine.parameters)

        vectors: list[Vectors] = []
        for _, vector in engine.over((context.frames.read(frame) for frame in frames), embed):
            vectors.append(vector)
            context.keep_going()
        return np.stack(vectors), sorted(finds)

    def publish(self, context: Context) -> Product:
        """The vectors, the first engine's under the plain name, and which frame each row is of."""
        frames = context.input("keyframes", list)
        spans = self.spans(context.clip.frame_count, self.stops(context.folder))
        files, told = [], []
        for number, engine in enumerate(context.engines):
            file = VECTORS_FILE if number == 0 else f"embeddings/vectors_{engine.offer.name}.npy"
            _, width = context.pieces.join([_piece(number, span, "npy") for span in spans], f"{number}.npy")
            files.append(context.pieces.publish(f"{number}.npy", context.folder, file))
            finds = {said for span in spans for said in context.pieces.read_json(_piece(number, span, "json"))}
            about = {"dimensions": width, "finds": " ".join(sorted(finds))}
            told.append({"engine": engine.name, "engine_version": engine.version, "file": file, **about})
        meaning = {
            "frames": frames,
            "seconds": [context.clip.seconds[frame] for frame in frames],
            "dimensions": told[0]["dimensions"],
            "metric": "cosine",
            "finds": told[0]["finds"],
            "engines": told,
        }
        return Product([*files, context.folder.write(FRAMES_FILE, (json.dumps(meaning, indent=1) + "\n").encode())])

    def stops(self, folder: ClipFolder) -> list[int]:
        """The keyframes."""
        return frames_of(folder)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> VectorReader:
        """Vectors by engine."""
        return VectorReader(folder)


def _piece(engine: int, span: Span, ending: str) -> str:
    return f"{engine}_{span.index:05d}.{ending}"
