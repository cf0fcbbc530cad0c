"""A small layer and engines for tests of the contract: they count pixels, and can be told to run out of memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from enrichment import engine as contract
from enrichment.engine import LayerEngine
from enrichment.layer import Context, Layer, Output, Product, Span


@runtime_checkable
class Counting(Protocol):
    def count(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> list[int]: ...


@dataclass(frozen=True)
class CounterParameters:
    times: int = 1


class Counter1:
    """Counts pixels; more than `fits` pictures at once are too many."""

    fits: ClassVar[int] = 100
    made: ClassVar[Counter[str]] = Counter()
    asked: ClassVar[list[int]] = []

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.made[folder.name if folder else ""] += 1

    def rehearse(self, picture: NDArray[np.uint8]) -> None:
        self.made["rehearsed"] += 1

    def count(self, pictures: Sequence[NDArray[np.uint8]], parameters: CounterParameters) -> list[int]:
        self.asked.append(len(pictures))
        if len(pictures) > self.fits:
            raise MemoryError
        return [parameters.times * picture.shape[0] * picture.shape[1] for picture in pictures]


class Speechless:
    """Cannot do what the layer asks."""

    def rehearse(self, picture: NDArray[np.uint8]) -> None: ...


class Pixels(Layer):
    """Nothing counts pixels until an engine is chosen."""

    name = "pixels"
    title = "Pixels"
    outputs = (Output("pixels/all.json", "JSON", "none"),)
    needs = Counting
    no_engine = "No engine: pixels do not count themselves."
    batch_frames = 10

    def compute(self, context: Context, span: Span) -> None:
        engine = context.engine

        def count(model: Counting, few: list[tuple[int, NDArray[np.uint8]]]) -> list[int]:
            return model.count([picture for _, picture in few], engine.parameters)

        found = [total for _, total in engine.over(context.frames.iterate(span.start, span.end), count)]
        context.pieces.write_json(f"{span.index}.json", found)

    def publish(self, context: Context) -> Product:
        spans = self.spans(context.clip.frame_count)
        found = [total for span in spans for total in context.pieces.read_json(f"{span.index}.json")]
        return Product([context.folder.write("pixels/all.json", json.dumps(found).encode())])


COUNTER = LayerEngine(
    layer="pixels",
    name="counter",
    title="The counter",
    make="tests.enrichment.offered:Counter1",
    kinds=("counter",),
    batch=4,
    device="either",
    Parameters=CounterParameters,
)


def save(folder: Path, *, content: bytes = b"weights", kind: str = "counter") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    (folder / "model.safetensors").write_bytes(content)
    return folder


@contextmanager
def offering(*engines: LayerEngine) -> Iterator[None]:
    """Nothing but these engines is offered inside the block."""
    before = dict(contract.every.every())
    contract.every._known.clear()
    for engine in engines:
        contract.register(engine)
    Counter1.made.clear()
    Counter1.asked.clear()
    try:
        yield
    finally:
        contract.every._known.clear()
        contract.every._known.update(before)
