"""Which tasks a second annotator does again, so that agreement is known and not guessed. [R1, A6]"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from annotation import tasks
from annotation.models import Membership, Task


def is_chosen(task: Task) -> bool:
    """Whether the project's share of second opinions falls on this task; the same answer every time.

    Keyed with the installation's secret: an annotator who knew which tasks are looked at twice would work otherwise.
    """
    drawn = int.from_bytes(salted_hmac("review.sampling", str(task.pk), algorithm="sha256").digest()[:8], "big")
    return bool(drawn / 2**64 < task.project.review_share)


def undrawn() -> list[Task]:
    """Chosen first tasks of the last day that nobody was asked to do again, because a process stopped too early."""
    lately = Task.objects.primary().filter(
        state=Task.State.SUBMITTED, submitted_at__gte=timezone.now() - timedelta(days=1), seconds__isnull=True
    )
    return [task for task in lately.select_related("project").iterator() if is_chosen(task)]


@transaction.atomic
def ask_if_chosen(*, task: Task) -> Task | None:
    """A second annotator's task, when the sample falls on this first one and there is somebody to do it."""
    if task.second_of_id is not None or not is_chosen(task):
        return None
    others = Membership.objects.filter(project=task.project_id).exclude(user=task.assignee_id)
    return tasks.ask_second(task=task, by=None) if others.exists() else None
