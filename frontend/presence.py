"""Who has a task open now. A row for each open page, renewed while its connection lives; no row outlives its page long.

In the database and not in a process's memory, so that it holds for one process on SQLite as for many with Redis.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, Value
from django.db.models.functions import Now

from annotation.models import Task
from frontend import live
from frontend.models import Presence

BEAT = 15.0  # seconds between two signs of life
# A page whose server was killed can't say good-bye; three beats without a sign are one.
SILENT = timedelta(seconds=3 * BEAT)


@dataclass(frozen=True)
class Other:
    """Somebody else's open page, or another one of one's own."""

    name: str
    task: int
    same_task: bool
    own: bool


def arrive(*, connection: str, user: User, task: Task) -> None:
    """Somebody opened the task; tell those who have its clip open."""
    Presence.objects.filter(seen_at__lt=Now() - Value(SILENT)).delete()
    Presence.objects.update_or_create(
        connection=connection, defaults={"user": user, "task": task, "since": Now(), "seen_at": Now()}
    )
    _tell(task)


def stay(*, connection: str) -> None:
    """The page is still open."""
    Presence.objects.filter(connection=connection).update(seen_at=Now())


def leave(*, connection: str) -> None:
    """The page was closed."""
    row = Presence.objects.select_related("task").filter(connection=connection).first()
    if row is not None:
        row.delete()
        _tell(row.task)


def others(*, connection: str, user: User, task: Task) -> list[dict[str, Any]]:
    """Who else has the task, or another one of its clip, open: in order of name, each page of a person once a task."""
    rows = (
        Presence.objects.filter(task__clip=task.clip_id, seen_at__gte=Now() - Value(SILENT))
        .exclude(connection=connection)
        .annotate(name=F("user__username"))
    )
    found = {
        Other(name=row.name, task=row.task_id, same_task=row.task_id == task.pk, own=row.user_id == user.pk)
        for row in rows
        # One's own page on another task is no news to oneself.
        if row.user_id != user.pk or row.task_id == task.pk
    }
    return [asdict(other) for other in sorted(found, key=lambda other: (not other.same_task, other.name, other.task))]


def _tell(task: Task) -> None:
    live.publish(project_id=task.project_id, kind="presence", object_id=str(task.clip_id))
