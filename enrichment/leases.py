"""Work that one worker holds at a time: taking it, letting go of it, and taking it from workers that fell silent.

A row is taken by one conditional UPDATE, so two workers never hold it, on PostgreSQL and on SQLite alike. Whoever took
it proves that by a token.
"""

from __future__ import annotations

import os
import socket
import uuid

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from enrichment import failures
from enrichment.models import Leased, from_now

MOST_ATTEMPTS = 3

State = Leased.State


def worker_name() -> str:
    """Host and process, for people who look for a worker that hangs."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take(rows: QuerySet[Leased], free: Q, **changes: object) -> uuid.UUID | None:
    """Take the one row there is, and return the token that proves it; None when it is not free.

    Args:
        rows: the row, as a filter.
        free: what must hold of it.
        changes: what else is entered.
    """
    owner = uuid.uuid4()
    taken = rows.filter(free).update(
        state=State.RUNNING,
        owner=owner,
        worker=worker_name(),
        leased_until=from_now(settings.LEASE_SECONDS),
        heartbeat=Now(),
        attempts=F("attempts") + 1,
        **changes,
    )
    return owner if taken else None


def leave(model: type[Leased], pk: int, owner: uuid.UUID, **changes: object) -> bool:
    """Let go of a row; False, and nothing is changed, when it is no longer held."""
    held = model._default_manager.filter(pk=pk, owner=owner, state=State.RUNNING)
    return bool(held.update(**{"owner": None, "leased_until": None, **changes}))


def expire(model: type[Leased]) -> int:
    """Queue again what workers hold that fell silent, a few times; returns how many rows that concerned."""
    silent = model._default_manager.filter(model.is_expired())
    count = silent.filter(attempts__lt=MOST_ATTEMPTS).update(state=State.QUEUED, owner=None, sent_at=None)
    # Only those that have had their attempts: other leases may have run out since the line above.
    given_up = silent.filter(attempts__gte=MOST_ATTEMPTS)
    reason = failures.of_silent_workers(MOST_ATTEMPTS)
    return count + given_up.update(state=State.FAILED, owner=None, error=reason)
