"""Memory must not grow with the clip: the peak at 3,000 frames over the peak at 300."""

from __future__ import annotations

from typing import Any

from benchmarks.processes import measure
from benchmarks.row import row

SHORT, LONG = 300, 3000


def rows() -> list[dict[str, Any]]:
    found = []
    for work in ("ingest", "flow", "coco"):
        short, long = measure(work, SHORT), measure(work, LONG)
        name = f"{work}: peak memory at {LONG:,} frames"
        found.append(
            row(name, long.peak / 2**20, "MiB", against=f"{SHORT} frames", ratio=long.peak / max(short.peak, 1))
        )
    return found
