"""Verdicts on submitted work: accepted, or sent back with a comment."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotation import history, tasks
from annotation.errors import CommentMissing
from annotation.events import announce_change
from annotation.models import Task
from review.errors import ReviewRefused
from review.models import Review


@transaction.atomic
def accept(*, task: Task, by: User, comment: str = "") -> Review:
    """Accept a task: its work may be delivered.

    A second opinion that waits beside it has done its part, and the reviewer has seen both over each other: it is
    accepted too, unless it is the reviewer's own.

    Raises:
        Refused: the task is not in review, or the reviewer is its annotator.
    """
    review = _keep(tasks.accept(task=task, by=by), by=by, verdict=Review.Verdict.ACCEPT, comment=comment)
    for second in Task.objects.filter(second_of=task, state=Task.State.SUBMITTED).exclude(assignee=by):
        _keep(tasks.accept(task=second, by=by), by=by, verdict=Review.Verdict.ACCEPT, comment="")
    return review


@transaction.atomic
def send_back(*, task: Task, by: User, comment: str) -> Review:
    """Return a task to its annotator with what is to be mended.

    Raises:
        CommentMissing: nothing says what is to be mended.
        Refused: the task is not in review.
    """
    return _keep(
        tasks.send_back(task=task, by=by, comment=comment), by=by, verdict=Review.Verdict.SEND_BACK, comment=comment
    )


@transaction.atomic
def add_comment(*, task: Task, by: User, comment: str) -> Task:
    """Add to what is to be mended in a task that was sent back already; the newest stands first.

    Raises:
        CommentMissing: nothing says what is to be mended.
        ReviewRefused: the task is not with its annotator.
    """
    if not comment.strip():
        raise CommentMissing("Say what is to be mended.")
    locked = Task.objects.select_for_update(of=("self",)).select_related("project").get(pk=task.pk)
    if locked.state != Task.State.SENT_BACK:
        raise ReviewRefused(f"Task {locked.pk} is {locked.get_state_display().lower()}; it was not sent back.")
    locked.comment = f"{comment.strip()}\n{locked.comment}".strip()
    locked.save(update_fields=["comment", "changed_at"])
    history.record(project=locked.project, actor=by, verb="commented", subject=locked, comment=comment.strip())
    announce_change(project_id=locked.project_id, kind="task", object_id=locked.pk)
    return locked


def _keep(task: Task, *, by: User, verdict: Review.Verdict, comment: str) -> Review:
    # The verb of the ground floor holds the task's row, so two verdicts never take one number.
    before = Review.objects.filter(task=task).aggregate(n=Max("number"))["n"] or 0
    return Review.objects.create(
        project_id=task.project_id,
        task=task,
        annotator_id=task.assignee_id,
        by=by,
        verdict=verdict,
        comment=comment.strip(),
        number=before + 1,
    )
