"""Which submitted work waits for the cross-layer checks, and who is at it. The checking itself is in work_checks.py.

A row per submitted version is the memory of it; a message that is lost, or a worker that dies, only delays it.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from annotation.models import Task
from enrichment import leases, queue
from enrichment.models import TaskCheck, from_now

State = TaskCheck.State
# What is compared with people's work, by check: these layers of the clip.
LAYERS: Final = {
    "depth_vs_segmentation": ("depth",),
    "flow_vs_segmentation": ("flow",),
    "actions_vs_motion": ("actions",),
}
# While the clip's own layers are under way, the check looks again after so many seconds.
LOOK_AGAIN_AFTER = 20.0


@transaction.atomic
def ask(task_id: int) -> None:
    """Have a submitted task checked, and let workers know. Asking twice asks once."""
    task = Task.objects.get(pk=task_id)
    TaskCheck.objects.get_or_create(task=task, version=task.version, defaults={"state": State.QUEUED})
    transaction.on_commit(lambda: queue.send("enrichment.jobs.check_task", task_id))


def look_again(clip_id: int, layer: str) -> int:
    """Have work checked once more by what could not judge it, now that a layer which this reads has come about.

    The caller holds the clip's lock, so that a check that is under way sees the layer or is seen here. Workers are told
    at the reconciler's next look.

    Returns:
        Of how many tasks.
    """
    lacked = [Q(skipped__has_key=check) for check, layers in LAYERS.items() if layer in layers]
    if not lacked:
        return 0
    newer = TaskCheck.objects.filter(task=OuterRef("task"), version__gt=OuterRef("version"))
    concerned = TaskCheck.objects.filter(
        ~Exists(newer),
        Q(*lacked, _connector=Q.OR),
        state=State.DONE,
        task__clip=clip_id,
        task__state__in=[Task.State.SUBMITTED, Task.State.ACCEPTED],
    )
    ids = list(concerned.values_list("pk", flat=True))
    return TaskCheck.objects.filter(pk__in=ids, state=State.DONE).update(
        state=State.QUEUED, attempts=0, sent_at=None, not_before=None
    )


def find_missing() -> None:
    """Ask for submitted tasks whose news was lost, and take checks from workers that fell silent."""
    asked = TaskCheck.objects.filter(task=OuterRef("pk"), version=OuterRef("version"))
    for pk in Task.objects.filter(~Exists(asked), state=Task.State.SUBMITTED).values_list("pk", flat=True)[:200]:
        ask(pk)
    leases.expire(TaskCheck)


def claim(task_id: int) -> tuple[TaskCheck, uuid.UUID] | None:
    """Take the newest version of a task that waits to be checked, with the token that proves it; None for none."""
    newest = TaskCheck.objects.filter(TaskCheck.is_due(), task=task_id).order_by("-version").first()
    if newest is None:
        return None
    owner = leases.take(TaskCheck.objects.filter(pk=newest.pk), TaskCheck.is_due())
    return None if owner is None else (TaskCheck.objects.select_related("task__clip").get(pk=newest.pk), owner)


def is_outdated(row: TaskCheck) -> bool:
    """Whether newer work of the task was submitted, which is what counts."""
    return TaskCheck.objects.filter(task=row.task_id, version__gt=row.version).exists()


def came_on(row: TaskCheck, owner: uuid.UUID) -> None:
    """Note that some of it is done for good: what fails from here on fails for the first time."""
    row.attempts = 1
    TaskCheck.objects.filter(pk=row.pk, owner=owner).update(attempts=row.attempts)


@transaction.atomic
def go_on(row: TaskCheck, owner: uuid.UUID) -> None:
    """Let go of a check of which more is to be done, and let workers know at once."""
    if leases.leave(TaskCheck, row.pk, owner, state=State.QUEUED, attempts=0, sent_at=Now(), error=""):
        send = partial(queue.send, "enrichment.jobs.check_task", row.task_id, expires=queue.GONE_AFTER)
        transaction.on_commit(send)


def leave(row: TaskCheck, owner: uuid.UUID, state: TaskCheck.State, **changes: object) -> None:
    """Let go of a check; what is queued again waits a little."""
    later = {"not_before": from_now(LOOK_AGAIN_AFTER), "sent_at": None} if state == State.QUEUED else {}
    leases.leave(TaskCheck, row.pk, owner, state=state, **later, **changes)
