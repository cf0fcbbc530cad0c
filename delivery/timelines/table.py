"""Segments as a CSV table, ours or anyone's with a header: frames or seconds, a class, and what else there is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Final

from annotation.geometry import timebase
from delivery.timeline_readers import (
    HANDS,
    OUTCOMES,
    ClipFacts,
    Reader,
    ReadSegment,
    Unreadable,
    number_of_track,
    one_of,
    register,
    text_of,
)

# What other tools call our columns.
_ALSO: Final = {
    "start_frame": ("start_frame", "startframe", "frame_start", "start"),
    "end_frame": ("end_frame", "endframe", "frame_end", "end", "stop"),
    "start_time": ("start_time", "start_sec", "start_seconds", "start_s", "begin", "t_start"),
    "end_time": ("end_time", "end_sec", "end_seconds", "end_s", "t_end"),
    "action": ("action", "class", "label", "verb", "behavior", "behaviour"),
    "level": ("level",),
    "phase": ("phase",),
    "object": ("object", "object_name", "target"),
    "object_track": ("object_track",),
    "hand": ("hand", "hand_side"),
    "hand_track": ("hand_track",),
    "outcome": ("outcome",),
    "confidence": ("confidence", "score"),
    "clip": ("clip", "video", "file", "file_name", "filename"),
}
_INSTRUCTION: Final = re.compile(r"(instruction|description|narration|text)(_?\d+)?$")


def read(content: bytes, clip: ClipFacts) -> list[ReadSegment]:
    """Rows of a table with a header line; delimiter comma, semicolon or tab.

    Rows that name another clip are passed over. Times are taken where there are no frames; whole numbers in columns
    called start and end are frames, anything else is seconds.

    Raises:
        Unreadable: no header that tells start, end and class, or a row whose values are none; names the line.
    """
    text = text_of(content)
    try:
        dialect = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = csv.DictReader(io.StringIO(text, newline=""), dialect=dialect, strict=True)
    found = []
    try:
        columns = _columns(rows.fieldnames or [])
        for row in rows:
            segment = _segment(
                {name: row.get(column) or "" for name, column in columns.items()}, row, clip, rows.line_num
            )
            if segment is not None:
                found.append(segment)
    except csv.Error as error:
        raise Unreadable(f"Line {rows.line_num} is not a row of a CSV table: {error}.") from None
    return found


def _columns(header: Iterable[str]) -> dict[str, str]:
    names = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in header if name}
    found = {ours: names[also] for ours, others in _ALSO.items() for also in reversed(others) if also in names}
    has = {"frames": {"start_frame", "end_frame"} <= found.keys(), "times": {"start_time", "end_time"} <= found.keys()}
    if not any(has.values()) or not {"action", "phase"} & found.keys():
        told = ", ".join(names.values()) or "nothing"
        raise Unreadable(
            f"The first line must name the columns; it has {told}. Needed are start_frame and end_frame (or "
            "start_time and end_time in seconds) and action."
        )
    return found


def _segment(cells: Mapping[str, str], row: Mapping[str, str | None], clip: ClipFacts, line: int) -> ReadSegment | None:
    where = f"line {line}"
    if cells.get("clip") and clip.names and cells["clip"].strip() not in clip.names:
        return None
    start, end = _bound(cells, "start", clip, where), _bound(cells, "end", clip, where)
    told = [(name, value) for name, value in row.items() if isinstance(name, str) and isinstance(value, str)]
    texts = [value.strip() for name, value in told if _INSTRUCTION.match(name.strip().lower()) and value.strip()]
    return ReadSegment(
        start,
        end,
        cells.get("action", "").strip(),
        where,
        level=cells.get("level", "").strip().lower(),
        phase=cells.get("phase", "").strip(),
        instructions=tuple(texts),
        confidence=_share(cells.get("confidence", ""), where),
        object_name=cells.get("object", "").strip()[:80],
        object_track=number_of_track(cells.get("object_track"), "object_track", where),
        hand_side=one_of(cells.get("hand"), HANDS, "hand", where),
        hand_track=number_of_track(cells.get("hand_track"), "hand_track", where),
        outcome=one_of(cells.get("outcome"), OUTCOMES, "outcome", where),
    )


def _bound(cells: Mapping[str, str], which: str, clip: ClipFacts, where: str) -> int:
    frame, time = cells.get(f"{which}_frame", "").strip(), cells.get(f"{which}_time", "").strip()
    if frame.isdigit():
        return int(frame)
    told = frame or time
    try:
        return timebase.nearest_edge(clip.seconds, float(told.replace(",", ".")))
    except ValueError:
        raise Unreadable(f"In {where} the {which} is {told!r}; give a frame number or seconds.") from None


def _share(told: str, where: str) -> float | None:
    if not told.strip():
        return None
    try:
        value = float(told.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise Unreadable(f"In {where} the confidence is {told!r}; give a number from 0 to 1, or nothing.")
    return value


READER: Final = register(Reader("csv", "CSV table", (".csv", ".tsv"), read))
