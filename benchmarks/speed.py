"""Speed as a ratio to a bare loop of the same work, both in this run."""

from __future__ import annotations

from typing import Any

from benchmarks import workers
from benchmarks.processes import compared, compared_twice, measure
from benchmarks.row import row

FRAMES = 300
CARRIED = 60


def rows() -> list[dict[str, Any]]:
    found = []
    for name, ours, peer, unit, against in (
        ("ingest, 1280x720", "ingest", "bare_decode", "frames/s", "bare PyAV decode"),
        ("ingest, 1280x720", "ingest", "bare_index", "frames/s", "PyAV decode and a checksum a frame"),
        ("COCO delivery", "coco", "bare_coco", "masks/s", "bare pycocotools loop"),
    ):
        rate, ratio = compared(ours, peer, FRAMES)
        found.append(row(name, rate, unit, against=against, ratio=ratio))
    return [*found, *_pipeline_rows(), _decoding_row(), *workers.rows()]


def _pipeline_rows() -> list[dict[str, Any]]:
    """What the ledger, checkpoints, hashes and the manifest add to the same library calls in a loop."""
    found = []
    for name, ours, peer, frames, rounds in (
        # Small pictures are over in two seconds, of which other machines on the same disk take their share.
        ("flow layer, 320x240", "flow", "bare_flow", FRAMES, 13),
        ("flow layer, 1280x720", "flow_720", "bare_flow_720", FRAMES, 3),
        ("quality layer, 1280x720", "quality_720", "bare_quality_720", FRAMES, 3),
        ("propagation by a worker, 640x480", "propagation", "bare_propagation", CARRIED, 3),
    ):
        rate, ratio, cpu = compared_twice(ours, peer, frames, rounds=rounds)
        against = "a bare loop over the same calls"
        found.append(row(name, rate, "frames/s", against=against, ratio=ratio))
        found.append(row(f"{name}: processor time", cpu, "times", against=against, ratio=cpu))
    return found


def _decoding_row() -> dict[str, Any]:
    """Keyframes, metadata and flow look at the same frames."""
    done = measure("quick_layers", FRAMES)
    name = "frames decoded for three quick layers of a clip"
    return row(name, done.decoded, "frames", against="frames in the clip", ratio=done.decoded / done.units)
