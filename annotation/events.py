"""The few signals that news travels upward by. They are sent once the transaction has committed."""

from __future__ import annotations

import uuid
from functools import partial

from django.db import transaction
from django.dispatch import Signal

clip_ready = Signal()  # clip_id: a clip has its frame index and can be enriched
task_submitted = Signal()  # task_id: an annotator is done with a task
changed = Signal()  # project_id, kind, object_id: something that a page may be showing has changed


def announce(signal: Signal, **news: int | str) -> None:
    """Send once the transaction that made the news has committed."""
    transaction.on_commit(partial(signal.send, sender=None, **news))


def announce_change(*, project_id: int, kind: str, object_id: int | str | uuid.UUID) -> None:
    """Tell open pages that a thing changed; they fetch what they need.

    `kind` is upload, clip, run, task, flag, delivery or propagation.
    """
    announce(changed, project_id=project_id, kind=kind, object_id=str(object_id))
