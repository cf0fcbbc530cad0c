"""Speed as a ratio to a bare loop of the same work, both in this run."""

from __future__ import annotations

from typing import Any

from benchmarks.processes import compared
from benchmarks.row import row

FRAMES = 300


def rows() -> list[dict[str, Any]]:
    found = []
    for name, ours, peer, unit, against in (
        ("ingest, 1280x720", "ingest", "bare_decode", "frames/s", "bare PyAV decode"),
        ("ingest, 1280x720", "ingest", "bare_index", "frames/s", "PyAV decode and a checksum a frame"),
        ("flow layer, 320x240", "flow", "bare_flow", "frames/s", "bare OpenCV loop"),
        ("COCO delivery", "coco", "bare_coco", "masks/s", "bare pycocotools loop"),
    ):
        rate, ratio = compared(ours, peer, FRAMES)
        found.append(row(name, rate, unit, against=against, ratio=ratio))
    return found
