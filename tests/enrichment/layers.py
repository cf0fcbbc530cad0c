"""Small layers for tests of the ledger: they write numbers, can be told to fail, and count how often they ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from enrichment import registry
from enrichment.layer import Context, Layer, Output, Product, Span


@dataclass(frozen=True)
class Parameters:
    add: int = 1


class Numbers(Layer):
    """Writes each frame's number plus `add`."""

    name = "numbers"
    title = "Numbers"
    outputs = (Output("numbers/all.json", "JSON", "none"),)
    engine = "counter"
    engine_version = "1"
    Parameters = Parameters
    batch_frames = 10
    ran: ClassVar[Counter[str]] = Counter()
    breaks_at: ClassVar[int | None] = None

    def compute(self, context: Context, span: Span) -> None:
        self.ran[f"{self.name} {span.index}"] += 1
        if span.index == self.breaks_at:
            raise RuntimeError("the sensor was unplugged")
        context.pieces.write_json(
            f"{span.index}.json", [n + context.parameters.add for n in range(span.start, span.end)]
        )

    def publish(self, context: Context) -> Product:
        self.ran[f"{self.name} closing"] += 1
        spans = self.spans(context.clip.frame_count)
        numbers = [number for span in spans for number in context.pieces.read_json(f"{span.index}.json")]
        return Product([context.folder.write(f"{self.name}/all.json", str(numbers).encode())])


class Sums(Numbers):
    """Running sums: batch n begins where batch n - 1 ended."""

    name = "sums"
    title = "Sums"
    inputs = ("numbers",)
    sequential = True
    breaks_at = None

    def compute(self, context: Context, span: Span) -> None:
        self.ran[f"{self.name} {span.index}"] += 1
        if span.index == self.breaks_at:
            raise RuntimeError("the sensor was unplugged")
        total = context.pieces.read_json(f"{span.index - 1}.json")[-1] if span.index else 0
        found = []
        for number in range(span.start, span.end):
            total += number
            found.append(total)
        context.pieces.write_json(f"{span.index}.json", found)


class Last(Numbers):
    """Needs both."""

    name = "last"
    title = "Last"
    inputs = ("numbers", "sums")
    batch_frames = None
    breaks_at = None


@contextmanager
def only(*kinds: type[Layer]) -> Iterator[dict[str, Layer]]:
    """Nothing but these layers exists inside the block."""
    registry.every()
    before = dict(registry._known)
    registry._known.clear()
    Numbers.ran.clear()
    try:
        for kind in kinds:
            registry.register(kind)
        yield registry._known
    finally:
        registry._known.clear()
        registry._known.update(before)
