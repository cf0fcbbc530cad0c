"""Action segments alone, as one table of all clips: CSV for spreadsheets and pandas, JSON for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from annotation.geometry import timebase
from delivery import segment_table
from delivery.dataset import Clip, Dataset
from delivery.formats.registry import Step, register
from delivery.json_stream import ObjectWriter, elements
from delivery.problems import Drawn, Pick, Problem

TABLE: Final = "segments.csv"
LIST: Final = "segments.json"


@register
class Segments:
    name: ClassVar[str] = "segments"
    title: ClassVar[str] = "Action segments"
    description: ClassVar[str] = (
        "One file with every action segment: frames and seconds, class, phase and instructions. CSV opens in a "
        "spreadsheet; both are read back by Loupe."
    )
    options: ClassVar[Mapping[str, tuple[str, ...]]] = {"file": ("csv", "json")}
    holds: ClassVar[frozenset[str]] = frozenset({"segments"})

    def write(self, dataset: Dataset, root: Path, options: Mapping[str, str], step: Step) -> None:
        if options["file"] == "json":
            with ObjectWriter(root / LIST) as file:
                file.field("snapshot", dataset.snapshot)
                file.array("clips", ({"folder": clip.folder, "frames": clip.frame_count} for clip in dataset.clips))
                file.array("segments", _rows(dataset, step))
            return
        most = max((len(each.instructions) for clip in dataset.clips for each in clip.source.segments()), default=0)
        with (root / TABLE).open("x", encoding="utf-8", newline="") as file:
            segment_table.write(file, _rows(dataset, step), most=most)

    def check(self, root: Path, found: dict[str, int]) -> Iterator[Problem]:
        name = TABLE if (root / TABLE).is_file() else LIST
        try:
            for row in _read(root / name):
                found["segments"] += 1
                for sentence in _wrong(row):
                    yield Problem(name, f"Segment {found['segments']}: {sentence}")
        except (csv.Error, OSError, ValueError) as error:
            yield Problem(name, f"It can't be read past segment {found['segments']}: {error}")

    def masks_on(self, root: Path, picks: Collection[Pick]) -> Iterator[tuple[Pick, Drawn]]:
        """None: this format has no masks."""
        return iter(())


def _rows(dataset: Dataset, step: Step) -> Iterator[dict[str, Any]]:
    for done, clip in enumerate(dataset.clips):
        step(done / max(1, dataset.counts.clips), f"writing the segments of {clip.name}")
        yield from _rows_of(clip)


def _rows_of(clip: Clip) -> Iterator[dict[str, Any]]:
    segments = clip.source.segments()
    seconds = clip.source.seconds() if segments else None
    for each in segments:
        assert seconds is not None  # noqa: S101  there are segments
        start, end = timebase.span(seconds, each.start, each.end)
        yield {
            "clip": clip.folder,
            "start_frame": each.start,
            "end_frame": each.end,
            "start_time": start,
            "end_time": end,
            "level": each.level,
            "action": each.action,
            "phase": each.phase,
            "object": each.object_name,
            "object_track": each.object.number if each.object else None,
            "hand": each.hand_side,
            "hand_track": each.hand.number if each.hand else None,
            "outcome": each.outcome,
            "confidence": each.confidence,
            "author": each.provenance.author,
            "method": each.provenance.method,
            "engine": each.provenance.engine,
            "review_status": each.provenance.status,
            "instructions": list(each.instructions),
        }


def _read(path: Path) -> Iterator[dict[str, Any]]:
    if path.name == LIST:
        yield from (value for field, value in elements(path) if field == "segments")
        return
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, strict=True)


def _wrong(row: Mapping[str, Any]) -> Iterator[str]:
    try:
        start, end = int(row["start_frame"]), int(row["end_frame"])
        began, ended = float(row["start_time"]), float(row["end_time"])
    except (KeyError, TypeError, ValueError):  # a row cut short has None in its cells
        yield f"its frames or times are not numbers: {json.dumps(dict(row), default=str)[:200]}."
        return
    if not 0 <= start < end:
        yield f"it goes from frame {start} to {end}."
    if not began < ended:
        yield f"it goes from {began} s to {ended} s."
