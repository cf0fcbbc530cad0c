"""Boxes by frame as layers leave them in the clip folder: written, read, drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines import painting
from enrichment.engines.boxes import Detection
from enrichment.layer import ClipFacts, Context


def content(context: Context, frames: Mapping[str, Sequence[Mapping[str, object]]]) -> bytes:
    """A file of boxes: whose they are, the size that their pixels are of, and the boxes by frame."""
    clip, engine = context.clip, context.engine
    told = {
        "engine": engine.name,
        "engine_version": engine.version,
        "size": [clip.height, clip.width],
        "seconds": {frame: clip.seconds[int(frame)] for frame in frames},
        "frames": frames,
    }
    return (json.dumps(told, separators=(",", ":")) + "\n").encode()


def mean_confidence(frames: Mapping[str, Sequence[Mapping[str, Any]]]) -> float | None:
    """Of all boxes, 0-1; None when there are none."""
    values = [float(one["confidence"]) for found in frames.values() for one in found]
    return sum(values) / len(values) if values else None


class BoxReader:
    """The boxes of a finished layer by frame; raises ValueError when the file holds none."""

    def __init__(self, folder: ClipFolder, file: str) -> None:
        try:
            there = json.loads(folder.local(file).read_bytes())["frames"]
            self._frames: dict[int, list[dict[str, Any]]] = {int(frame): found for frame, found in there.items()}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{file} does not hold boxes by frame ({error}).") from error
        self._file = file

    @property
    def frames(self) -> list[int]:
        """The frames that were looked at, ascending."""
        return sorted(self._frames)

    def found(self, frame: int) -> list[Detection] | None:
        """What was found on a frame; None where nobody looked."""
        there = self._frames.get(frame)
        if there is None:
            return None
        try:
            return [_detection(one) for one in there]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self._file} does not hold boxes by frame ({error}).") from error


def overlay(folder: ClipFolder, file: str, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
    """Boxes with label and confidence; None on frames that were not looked at."""
    found = BoxReader(folder, file).found(frame)
    if found is None:
        return None
    return painting.boxes((clip.height, clip.width), [(one.bbox, f"{one.label} {one.confidence:.2f}") for one in found])


def _detection(one: Mapping[str, Any]) -> Detection:
    x, y, width, height = (float(value) for value in one["bbox"])
    return Detection(str(one["label"]), float(one["confidence"]), (x, y, width, height))
