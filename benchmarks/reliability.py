"""What must never happen, at the counts by which it is promised: each figure is a test, run here with LOUPE_LONG=1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.row import row

ROOT = Path(__file__).resolve().parents[1]
BROWSER = "tests/browser/test_never_lost.py::"
# What is counted, and the test that fails when it is not 0.
FIGURES = {
    "strokes lost, browser killed 50 times": BROWSER + "test_a_killed_browser_loses_no_stroke_older_than_a_second",
    "edits lost or doubled of 200, 60 s offline": BROWSER + "test_every_edit_made_offline_arrives_once_and_in_order",
    "silent overwrites, two editors 500 rounds": BROWSER + "test_two_people_at_one_mask_overwrite_nothing_in_silence",
    "writes lost or doubled, web process killed 200 times": "tests/annotation/test_killed_web.py",
}


def rows() -> list[dict[str, Any]]:
    return [row(name, 0.0, "") for name, test in FIGURES.items() if _passes(name, test)]


def _passes(name: str, test: str) -> bool:
    """Whether the test ran and passed; a failing one ends the benchmark with what it said."""
    left_out = {"DJANGO_SETTINGS_MODULE", "LOUPE_HOME"}
    environment = {key: value for key, value in os.environ.items() if key not in left_out} | {"LOUPE_LONG": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: not 0.\n{done.stdout[-3000:]}")
    if " passed" not in done.stdout:
        print(f"  {name}: not run, {done.stdout.strip().splitlines()[-1]}")
        return False
    return True
