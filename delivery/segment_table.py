"""Action segments as rows: the one form in which they leave as a table, from a delivery or from a task's page.

A row: clip, start_frame and end_frame of [start, end), the same in seconds, level, class, phase, what is acted on and
by which hand (in words, and as the number of the mask track), outcome, confidence 0-1, who and how, instructions.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final

COLUMNS: Final = (
    "clip", "start_frame", "end_frame", "start_time", "end_time", "level", "action", "phase", "object", "object_track",
    "hand", "hand_track", "outcome", "confidence", "author", "method", "engine", "review_status",
)  # fmt: skip


def write(file: IO[str], rows: Iterable[Mapping[str, Any]], *, most: int) -> None:
    """A CSV table with a header, and `most` columns for instructions: a table has no lists."""
    table = csv.writer(file, lineterminator="\n")
    table.writerow([*COLUMNS, *(f"instruction_{n}" for n in range(1, most + 1))])
    for row in rows:
        texts: Sequence[str] = row["instructions"]
        cells = ["" if row[column] is None else row[column] for column in COLUMNS]
        table.writerow([*cells, *texts, *[""] * (most - len(texts))])
