"""How weights that are published as a pickle become a folder of weights: what is in it, and from which tensors.

Plain values and no tensors, so that an engine can say it without loading a model library. Everything that published
files need is a matter of rows: a tensor is rows of one or more published tensors, one below the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Rows:
    """Rows [start, end) of a published tensor, along its first axis; None is to its end."""

    name: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Conversion:
    """A folder of weights.

    config: its config.json. tensors: by the engine's name the published rows, one below the other; None takes all as
    they are published. files: further JSON files by name. beside: files that are taken along where they lie beside the
    pickle, such as a vocabulary.
    """

    config: Mapping[str, object]
    tensors: Mapping[str, tuple[Rows, ...]] | None = None
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


def layers(shapes: Shapes, start: str, end: str) -> int:
    """How many tensors start + n + end there are, n from 0 on without a gap."""
    count = 0
    while f"{start}{count}{end}" in shapes:
        count += 1
    return count
