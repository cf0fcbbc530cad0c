"""Setting right what lost messages and dead workers left behind, each step on its own feet.

What is done here nobody else does again: one row that cannot be worked with must not keep all others waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from enrichment import ledger, progress, propagating, queue, runs, surveys, task_checks
from enrichment.errors import EnrichmentError
from enrichment.models import Run

log = logging.getLogger(__name__)


def look_round() -> None:
    """Take every step once. One that fails is logged, and the others are taken."""
    for step in (
        ledger.expire,
        progress.count_large,
        task_checks.find_missing,
        queue.tell_again,
        queue.tell_checks,
        propagating.expire,
        queue.tell_propagations,
        surveys.expire,
        queue.tell_surveys,
        plan_left,  # at the end: half a million clips take minutes
        queue.top_up,
    ):
        _alone(step, f"{step.__module__}.{step.__name__}")


def plan_left() -> None:
    """Plan the requests that nobody has planned, the oldest first. One that cannot be planned is closed, or logged."""
    for pk in list(Run.objects.filter(planned_at=None).order_by("pk").values_list("pk", flat=True)):
        _alone(partial(_plan, pk), f"Planning run {pk}")


def _plan(pk: int) -> None:
    run = Run.objects.select_related("project").filter(pk=pk, planned_at=None).first()
    if run is None:
        return
    try:
        runs.plan(run)
    except EnrichmentError as error:
        log.warning("Run %d cannot be planned: %s", pk, error)


def _alone(step: Callable[[], object], name: str) -> None:
    try:
        step()
    except Exception:
        # Whatever it is: a database that is away fails the other steps, too, and the next look comes in seconds.
        log.exception("%s failed; it is tried again at the next look.", name)
