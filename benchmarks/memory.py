"""Memory must not grow with the clip: the peak at 3,000 frames over the peak at 300."""

from __future__ import annotations

from typing import Any

from benchmarks.processes import measure
from benchmarks.row import row

SHORT, LONG = 300, 3000
LIMIT = 1.1
# Layers that need no weights, each on its own; its inputs are computed before, by another process.
LAYERS = (
    *("keyframes", "metadata", "flow", "embeddings", "segmentation", "actions", "descriptions"),
    *("check_flow_segmentation", "check_actions_motion"),
)


def rows() -> list[dict[str, Any]]:
    found = [_row(work, "works") for work in ("ingest", "flow", "coco")]
    return [*found, *(_row(name, "layer_works") for name in LAYERS)]


def _row(work: str, module: str) -> dict[str, Any]:
    short, long = measure(work, SHORT, module), measure(work, LONG, module)
    name = f"{work}: peak memory at {LONG:,} frames" if module == "works" else f"layer {work}: peak at {LONG:,} frames"
    against = f"{SHORT} frames" if module == "works" else f"{SHORT} frames, wanted {LIMIT} at most"
    return row(name, long.peak / 2**20, "MiB", against=against, ratio=long.peak / max(short.peak, 1))
