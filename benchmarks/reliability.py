"""What must never happen, at the counts by which it is promised: each figure is a test, run here with LOUPE_LONG=1."""

from __future__ import annotations

from typing import Any

from benchmarks.processes import passes
from benchmarks.row import row

BROWSER = "tests/browser/test_never_lost.py::"
# What is counted, and the test that fails when it is not 0.
FIGURES = {
    "strokes lost, browser killed 50 times": BROWSER + "test_a_killed_browser_loses_no_stroke_older_than_a_second",
    "edits lost or doubled of 200, 60 s offline": BROWSER + "test_every_edit_made_offline_arrives_once_and_in_order",
    "silent overwrites, two editors 500 rounds": BROWSER + "test_two_people_at_one_mask_overwrite_nothing_in_silence",
    "writes lost or doubled, web process killed 200 times": "tests/annotation/test_killed_web.py",
}


def rows() -> list[dict[str, Any]]:
    return [row(name, 0.0, "") for name, test in FIGURES.items() if passes(name, test)]
