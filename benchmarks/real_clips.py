"""The weight-free action proposals on real clips, against what people saw by eye (benchmarks/truth).

The clips are not part of the project: LOUPE_SAMPLES names the folder they lie in. There is no limit to hold here;
the figures are recorded so that a change of the engine shows on more than a rendered scene.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from annotation.geometry import timebase
from benchmarks.row import row, skipped
from benchmarks.watching import Watcher, f1, median_error, phases
from config import env
from enrichment.engines.motion_actions import ActionSegment
from review.metrics.actions import Span

TRUTH = Path(__file__).parent / "truth"
F1_AT = (0.10, 0.25, 0.50)


def rows() -> list[dict[str, Any]]:
    found = []
    for path in sorted(TRUTH.glob("*.segments.json")):
        truth = json.loads(path.read_text())
        name = f"actions on {truth['clip']}"
        if not env.REAL_CLIPS:
            found.append(skipped(name, "set LOUPE_SAMPLES to the folder with the clip"))
        elif not (clip := Path(env.REAL_CLIPS) / truth["clip"]).is_file():
            found.append(skipped(name, f"there is no {clip}"))
        else:
            found += _measured(name, clip, truth["segments"])
    return found


def _measured(name: str, clip: Path, truth: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    actions, seconds = _watch(clip)
    true = [Span(each["start_time"], each["end_time"], each["phase"]) for each in truth if each["level"] == "primitive"]
    said = []
    for each in phases(actions):
        start, end = timebase.span(seconds, each.start, each.end)
        said.append(Span(start, end, each.phase))
    error = median_error(said, true, missing=float(seconds[-1]))
    against = f"{len(true)} phases annotated by hand, {len(said)} proposed"
    found = [row(f"{name}: median boundary error", error, "s", against=against)]
    for words, named in (("of phases", True), ("any class", False)):
        for at in F1_AT:
            score = f1(said, true, overlap=at, named=named)
            found.append(row(f"{name}: F1@{100 * at:.0f}, {words}", score, "F1", against=against))
    return found


def _watch(clip: Path) -> tuple[list[ActionSegment], timebase.Seconds]:
    watcher: Watcher | None = None
    times = []
    with av.open(str(clip)) as opened:
        for frame in opened.decode(video=0):
            picture = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            watcher = watcher or Watcher(*picture.shape[:2])
            watcher.step(picture)
            times.append(float(frame.time or 0.0))
    seconds = np.array(times, dtype=np.float64)
    assert watcher is not None
    return watcher.actions(timebase.nominal_fps(seconds)), seconds
