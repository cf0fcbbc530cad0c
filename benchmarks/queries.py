"""SQL over the metadata of a large project, of which some clips are not put together with the others yet."""

from __future__ import annotations

from typing import Any

from benchmarks.processes import measure
from benchmarks.row import row

CLIPS, LIMIT = 100_000, 3.0  # s
ASKED = {"by_scene": "SQL over frames, by scene", "worst": "SQL over clips, the worst first"}


def rows() -> list[dict[str, Any]]:
    found = []
    for work, name in ASKED.items():
        seconds = measure(work, CLIPS, module="query_works").seconds
        against = f"the limit of {LIMIT:.0f} s"
        found.append(row(f"{name}, {CLIPS:,} clips", seconds, "s", against=against, ratio=seconds / LIMIT))
    return found
