"""Setting right what lost messages and dead workers left behind, each step on its own feet.

What is done here nobody else does again: one row that cannot be worked with must not keep all others waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from enrichment import ledger, progress, propagating, queue, surveys, task_checks

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
        queue.tell_plans,
        queue.top_up,
    ):
        _alone(step, f"{step.__module__}.{step.__name__}")


def _alone(step: Callable[[], object], name: str) -> None:
    try:
        step()
    except Exception:
        # Whatever it is: a database that is away fails the other steps, too, and the next look comes in seconds.
        log.exception("%s failed; it is tried again at the next look.", name)
