"""The contract of comparing two versions of a layer on one clip: how far apart they are, frame by frame.

Each kind of layer has a file in enrichment/comparisons/ with the measure that the field uses for it; a layer without
one is compared by its files. None sees Django, settings or the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from annotation.plugins import Registry
from enrichment import comparisons
from enrichment.layer import ClipFacts, Layer

# Frames that are compared of a clip, evenly chosen: enough for a curve, and seconds of work at 720p.
MOST_FRAMES: Final = 300
MOST_ROWS: Final = 200
_MOST_TEXT: Final = 300
# A vector's cosine to itself is not quite 1.
ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Side:
    """One version of a layer: the folder in which its files lie, its files, and the clip that it is of."""

    layer: Layer
    folder: ClipFolder
    files: Sequence[str]
    clip: ClipFacts

    def open(self) -> Any:
        """The layer's own reader; raises ClipFolderError and ValueError as it does."""
        return self.layer.open(self.folder, self.clip)

    def json(self, path: str) -> Any:
        """A JSON file of the version."""
        return json.loads(self.folder.local(path).read_bytes())


@dataclass(frozen=True)
class Row:
    """Something that the two versions say differently, in words; frame is None when it is of the whole clip."""

    frame: int | None
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Differences:
    """How far two versions are apart.

    measure, unit: what `values` are, for the plot's axis. same: the value of two versions that say the same, 0 for a
    distance, 1 for an agreement. values: by frame; frames that cannot be compared are left out. remarks: what a reader
    of the figures has to know, as sentences.
    """

    measure: str = ""
    unit: str = ""
    same: float = 0.0
    values: Mapping[int, float] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    remarks: Sequence[str] = ()

    @property
    def mean(self) -> float | None:
        """Over the frames that were compared."""
        return fmean(self.values.values()) if self.values else None

    def worst(self, most: int = 12) -> list[tuple[int, float]]:
        """(frame, value), farthest apart first; frames that are the same in both are left out."""
        apart = [(frame, value) for frame, value in self.values.items() if abs(value - self.same) > ROUNDING]
        return sorted(apart, key=lambda each: (-abs(each[1] - self.same), each[0]))[:most]


class Comparer:
    """Compares two versions of the layers that it is registered for; this one is for layers that have no other."""

    layers: ClassVar[tuple[str, ...]] = ()

    def compare(self, before: Side, after: Side) -> Differences:
        """How far apart they are.

        Raises:
            ClipFolderError: a file is missing.
            ValueError: a file is not what the layer promises.
        """
        paths = sorted({*before.files, *after.files})
        rows = [row for path in paths for row in _files_apart(path, before, after)]
        remark = "This layer says nothing of single frames, so its files are compared."
        return Differences(rows=rows[:MOST_ROWS], remarks=[remark, *beyond(rows)])

    def words(self, side: Side, frame: int) -> list[str]:
        """What a version says of a frame, as short lines; empty when nothing, or nothing in words."""
        return []

    def picture(self, side: Side, frame: int) -> NDArray[np.uint8] | None:
        """What a version says of a frame, as `Layer.overlay` paints it; None when it cannot be painted."""
        return side.layer.overlay(side.folder, side.clip, frame) if side.layer.has_overlay else None


every: Registry[Comparer] = Registry("comparison of a layer", comparisons)


def register(kind: type[Comparer]) -> type[Comparer]:
    """Class decorator: compare these layers so.

    Raises:
        DuplicatePlugin: another file compares one of them.
    """
    for layer in kind.layers:
        every.register(layer, kind())
    return kind


def of_layer(layer: str) -> Comparer:
    """What compares a layer's versions."""
    return every.every().get(layer) or Comparer()


def frames_of(count: int, most: int = MOST_FRAMES) -> list[int]:
    """At most so many of `count` frames, evenly chosen, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(at * (count - 1) / (most - 1)) for at in range(most)})


def sampled(count: int) -> list[str]:
    """A remark when not every one of `count` frames is compared."""
    return [f"{MOST_FRAMES} of {count:,} frames are compared, evenly chosen."] if count > MOST_FRAMES else []


def beyond(rows: Sequence[Row]) -> list[str]:
    """A remark when there are more rows than are kept."""
    return [f"The first {MOST_ROWS} of {len(rows):,} differences are listed."] if len(rows) > MOST_ROWS else []


def flat(content: object, name: str = "") -> dict[str, str]:
    """JSON as one text by path, such as quality.score."""
    if isinstance(content, dict):
        parts: Iterable[tuple[str, object]] = (
            (f"{name}.{key}" if name else str(key), each) for key, each in content.items()
        )
    elif isinstance(content, list) and len(content) <= _MOST_TEXT:
        parts = ((f"{name}[{at}]", each) for at, each in enumerate(content))
    else:
        return {name: str(content)[:_MOST_TEXT]}
    return {path: text for key, each in parts for path, text in flat(each, key).items()}


def fields_apart(before: object, after: object, frame: int | None = None) -> list[Row]:
    """The fields of two JSON values that differ, in the order of their names."""
    a, b = flat(before), flat(after)
    return [
        Row(frame, name, a.get(name, "–"), b.get(name, "–")) for name in sorted({*a, *b}) if a.get(name) != b.get(name)
    ]


def _files_apart(path: str, before: Side, after: Side) -> list[Row]:
    sides = [side.folder.local(path).read_bytes() if path in side.files else None for side in (before, after)]
    a, b = sides
    if a == b:
        return []
    if a is None or b is None or not path.endswith(".json"):
        lengths = ["–" if each is None else f"{len(each):,} bytes" for each in sides]
        return [Row(None, path, *lengths)]
    return fields_apart({path: json.loads(a)}, {path: json.loads(b)})
