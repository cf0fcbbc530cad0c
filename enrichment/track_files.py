"""Masks on their way from frames to tracks: what batches left, as the two files of the segmentation layer.

The masks of an hour of film do not fit into memory. Their counts go to a file that is gone afterwards; a few numbers of
each stay.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, BinaryIO

from enrichment.json_files import compact, write_joined

# What a batch leaves of a mask: track_id, counts, bbox, area, confidence, label, label_confidence.
Piece = Mapping[str, Any]


@dataclass
class Track:
    """A track so far. Of its nth mask: frame, area in pixels, confidence 0-1, and where its counts lie and how long.

    Its label is the guess that was ever surest, the latest of equals.
    """

    number: int
    label: str = ""
    label_confidence: float = -1.0
    frames: array[int] = field(default_factory=lambda: array("i"))
    areas: array[int] = field(default_factory=lambda: array("i"))
    confidences: array[float] = field(default_factory=lambda: array("d"))
    at: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("i"))

    @property
    def confidence(self) -> float:
        """The mean of its masks', 0-1."""
        return round(fmean(self.confidences), 4)

    @property
    def median_area(self) -> int:
        """In pixels."""
        return round(median(self.areas))

    def add(self, frame: int, mask: Piece, at: int, length: int) -> None:
        """Take in the mask of a later frame."""
        self.frames.append(frame)
        self.areas.append(mask["area"])
        self.confidences.append(mask["confidence"])
        self.at.append(at)
        self.lengths.append(length)
        if mask["label_confidence"] >= self.label_confidence:
            self.label, self.label_confidence = mask["label"], mask["label_confidence"]


class Grouped:
    """A clip's masks by track.

    Args:
        spool: an empty file for their counts, open for as long as this is used.
        frames: each frame's number and masks, ascending.
    """

    def __init__(self, spool: BinaryIO, frames: Iterable[tuple[int, Sequence[Piece]]]) -> None:
        self._spool = spool
        self._tracks: dict[int, Track] = {}
        self._frames = 0
        at = 0
        for frame, masks in frames:
            self._frames += 1
            for mask in masks:
                number, counts = mask["track_id"], json.dumps(mask["counts"]).encode()
                spool.write(counts)
                self._tracks.setdefault(number, Track(number)).add(frame, mask, at, len(counts))
                at += len(counts)
        spool.flush()

    def tracks(self, least_frames: int) -> list[Track]:
        """Those with masks on so many frames, by number; fewer will do in a clip that has fewer."""
        least = min(least_frames, self._frames)
        return [track for _, track in sorted(self._tracks.items()) if len(track.frames) >= least]

    def write(self, file: BinaryIO, engine: str, size: tuple[int, int], tracks: Iterable[Track]) -> None:
        """Write masks.json: the tracks with all their masks; size: (height, width) in pixels."""
        file.write(f'{{"engine":{json.dumps(engine)},"size":[{size[0]},{size[1]}],"tracks":['.encode())
        for nth, track in enumerate(tracks):
            head = {
                "track_id": track.number,
                "label": track.label,
                "label_confidence": track.label_confidence,
                "confidence": track.confidence,
            }
            file.write(("," * (nth > 0) + compact(head)[:-1] + ',"frames":{').encode())
            write_joined(file, (self._mask(track, row) for row in range(len(track.frames))))
            file.write(b"}}")
        file.write(b"]}\n")

    def _mask(self, track: Track, row: int) -> str:
        counts = os.pread(self._spool.fileno(), track.lengths[row], track.at[row]).decode()
        return f'"{track.frames[row]}":{{"counts":{counts},"confidence":{json.dumps(track.confidences[row])}}}'


def write_by_frame(
    file: BinaryIO,
    engine: str,
    size: tuple[int, int],
    frames: Iterable[tuple[int, Sequence[Piece]]],
    labels: Mapping[int, str],
) -> None:
    """Write tracking.json: of each frame the boxes and areas of the masks whose tracks have a label here."""
    file.write(f'{{"engine":{json.dumps(engine)},"size":[{size[0]},{size[1]}],"frames":{{'.encode())

    def told(masks: Sequence[Piece]) -> list[dict[str, Any]]:
        return [
            {
                "track_id": mask["track_id"],
                "bbox": mask["bbox"],
                "area": mask["area"],
                "label": labels[mask["track_id"]],
                "confidence": mask["confidence"],
            }
            for mask in masks
            if mask["track_id"] in labels
        ]

    write_joined(file, (f'"{frame}":{compact(told(masks))}' for frame, masks in frames))
    file.write(b"}}\n")
