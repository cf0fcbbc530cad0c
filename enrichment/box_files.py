"""Boxes by frame as layers leave them in the clip folder: written, read, drawn."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.media.artifacts import Artifact
from enrichment import json_files
from enrichment.engines import painting
from enrichment.engines.boxes import Detection
from enrichment.json_files import compact, write_joined
from enrichment.layer import ClipFacts, Context


def write(context: Context, path: str, pieces: Sequence[str]) -> tuple[Artifact, float | None]:
    """Write a file of boxes: whose they are, the size that their pixels are of, and the boxes by frame.

    Args:
        context: of the layer.
        path: of the file.
        pieces: what batches left, each the boxes by frame; they are gone through twice.

    Returns:
        The file, and the mean confidence of all boxes, 0-1; None when there are none.
    """
    clip, engine = context.clip, context.engine
    sure = [0.0, 0]

    def frames() -> Iterator[tuple[str, list[dict[str, Any]]]]:
        for piece in pieces:
            context.keep_going()
            yield from context.pieces.read_json(piece).items()

    def told() -> Iterator[str]:
        for frame, found in frames():
            sure[0] += sum(float(one["confidence"]) for one in found)
            sure[1] += len(found)
            yield f'"{frame}":{compact(found)}'

    head = {"engine": engine.name, "engine_version": engine.version, "size": [clip.height, clip.width]}
    with context.folder.writing(path) as file:
        file.write(f'{compact(head)[:-1]},"seconds":{{'.encode())
        write_joined(file, (f'"{frame}":{json.dumps(clip.seconds[int(frame)])}' for frame, _ in frames()))
        file.write(b'},"frames":{')
        write_joined(file, told())
        file.write(b"}}\n")
    return file.artifact, sure[0] / sure[1] if sure[1] else None


class BoxReader:
    """The boxes of a finished layer by frame, 44 bytes of memory each; raises ValueError when the file holds none."""

    def __init__(self, path: Path) -> None:
        # Of each frame where its boxes begin and end; of each box its label's number, its confidence and itself.
        spans: dict[int, tuple[int, int]] = {}
        labels, numbers, known = array("i"), array("d"), dict[str, int]()
        try:
            with path.open("rb") as file:
                for frame, found in json_files.members(file, "frames"):
                    for one in map(_detection, found):
                        labels.append(known.setdefault(one.label, len(known)))
                        numbers.extend((one.confidence, *one.bbox))
                    spans[int(frame)] = len(labels) - len(found), len(labels)
        except (json_files.Broken, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path.name} does not hold boxes by frame ({error}).") from error
        self._spans, self._labels, self._numbers, self._known = spans, labels, numbers, list(known)

    @property
    def frames(self) -> list[int]:
        """The frames that were looked at, ascending."""
        return sorted(self._spans)

    def found(self, frame: int) -> list[Detection] | None:
        """What was found on a frame; None where nobody looked."""
        if frame not in self._spans:
            return None
        return [self._detection(row) for row in range(*self._spans[frame])]

    def _detection(self, row: int) -> Detection:
        confidence, x, y, width, height = self._numbers[5 * row : 5 * row + 5]
        return Detection(self._known[self._labels[row]], confidence, (x, y, width, height))


def overlay(path: Path, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
    """Boxes with label and confidence; None on frames that were not looked at."""
    found = _cached(path, path.stat().st_mtime_ns).found(frame)
    if found is None:
        return None
    return painting.boxes((clip.height, clip.width), [(one.bbox, f"{one.label} {one.confidence:.2f}") for one in found])


@lru_cache(maxsize=1)
def _cached(path: Path, changed: int) -> BoxReader:
    """For pages that show frame after frame. `changed` makes a rewritten file a new entry."""
    return BoxReader(path)


def _detection(one: Mapping[str, Any]) -> Detection:
    x, y, width, height = (float(value) for value in one["bbox"])
    return Detection(str(one["label"]), float(one["confidence"]), (x, y, width, height))
