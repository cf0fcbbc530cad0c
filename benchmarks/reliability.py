"""What must never happen, at the counts by which it is promised: each figure is a test, run here with LOUPE_LONG=1."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.processes import passes
from benchmarks.row import row, skipped

SERVICES = "tests/deployment/test_killed_services.py::"
BROWSER = "tests/browser/test_never_lost.py::"
# What is counted, and the test that fails when it is not 0.
FIGURES = {
    "strokes lost, browser killed 50 times": BROWSER + "test_a_killed_browser_loses_no_stroke_older_than_a_second",
    "edits lost or doubled of 200, 60 s offline": BROWSER + "test_every_edit_made_offline_arrives_once_and_in_order",
    "silent overwrites, two editors 500 rounds": BROWSER + "test_two_people_at_one_mask_overwrite_nothing_in_silence",
    "writes lost or doubled, web process killed 200 times": "tests/annotation/test_killed_web.py",
    "batches lost or repeated twice, worker killed 100 times": "tests/enrichment/test_killed_workers.py",
    "units of work lost, Redis killed 20 times": SERVICES + "test_a_broker_that_is_killed_loses_no_work[Redis]",
    "units of work lost, RabbitMQ killed 20 times": SERVICES + "test_a_broker_that_is_killed_loses_no_work[RabbitMQ]",
    "writes lost, PostgreSQL stopped at once 20 times": SERVICES
    + "test_a_database_that_crashes_loses_no_acknowledged_write",
    "wrong verdicts on the poison corpus": "tests/annotation/media/test_inspect.py",
}


def rows() -> list[dict[str, Any]]:
    """One row a figure; these are the counts that take hours, so `make bench` alone runs none of them."""
    if not os.environ.get("LOUPE_LONG"):
        return [
            skipped("what must never happen", "it takes hours; LOUPE_LONG=1 python -m benchmarks --only reliability")
        ]
    return [_row(name, test) for name, test in FIGURES.items()]


def _row(name: str, test: str) -> dict[str, Any]:
    try:
        ran = passes(name, test, LOUPE_KILLS="100")
    except RuntimeError as error:
        print(error)
        return skipped(name, "FAILED, see above")
    return row(name, 0.0, "") if ran else skipped(name, "its test could not run here")
