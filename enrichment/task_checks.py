"""Which submitted work waits for the cross-layer checks, and who is at it. The checking itself is in work_checks.py.

A row per submitted version is the memory of it; a message that is lost, or a worker that dies, only delays it.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from annotation.models import Task
from enrichment import ledger, queue
from enrichment.models import TaskCheck, from_now

State = TaskCheck.State
# While the clip's own layers are under way, the check looks again after so many seconds.
LOOK_AGAIN_AFTER = 20.0


@transaction.atomic
def ask(task_id: int) -> None:
    """Have a submitted task checked, and let workers know. Asking twice asks once."""
    task = Task.objects.get(pk=task_id)
    TaskCheck.objects.get_or_create(task=task, version=task.version, defaults={"state": State.QUEUED})
    transaction.on_commit(lambda: queue.send("enrichment.jobs.check_task", task_id))


def find_missing() -> None:
    """Ask for submitted tasks whose news was lost, and take checks from workers that fell silent."""
    asked = TaskCheck.objects.filter(task=OuterRef("pk"), version=OuterRef("version"))
    for pk in Task.objects.filter(~Exists(asked), state=Task.State.SUBMITTED).values_list("pk", flat=True)[:200]:
        ask(pk)
    silent = TaskCheck.objects.filter(TaskCheck.is_expired())
    silent.filter(attempts__lt=ledger.MOST_ATTEMPTS).update(state=State.QUEUED, owner=None, sent_at=None)
    silent.filter(attempts__gte=ledger.MOST_ATTEMPTS).update(
        state=State.FAILED, owner=None, error=f"{ledger.MOST_ATTEMPTS} workers in a row stopped without a word."
    )


def claim(task_id: int) -> tuple[TaskCheck | None, uuid.UUID]:
    """Take the newest version of a task that waits to be checked, with the token that proves it."""
    owner = uuid.uuid4()
    newest = TaskCheck.objects.filter(TaskCheck.is_due(), task=task_id).order_by("-version").first()
    if newest is None:
        return None, owner
    taken = TaskCheck.objects.filter(TaskCheck.is_due(), pk=newest.pk).update(
        state=State.RUNNING,
        owner=owner,
        worker=ledger.worker_name(),
        leased_until=from_now(settings.LEASE_SECONDS),
        heartbeat=Now(),
        attempts=F("attempts") + 1,
    )
    return (TaskCheck.objects.select_related("task__clip").get(pk=newest.pk) if taken else None), owner


def leave(row: TaskCheck, owner: uuid.UUID, state: TaskCheck.State, **changes: object) -> None:
    """Let go of a check; what is queued again waits a little."""
    later = {"not_before": from_now(LOOK_AGAIN_AFTER), "sent_at": None} if state == State.QUEUED else {}
    held = TaskCheck.objects.filter(pk=row.pk, owner=owner, state=State.RUNNING)
    held.update(**{"state": state, "owner": None, "leased_until": None, **later, **changes})
