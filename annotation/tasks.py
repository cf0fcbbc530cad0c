"""Tasks: made, claimed by lease, kept alive, submitted, sent back, accepted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Now
from django.utils import timezone

from annotation import tier1
from annotation.errors import CommentMissing, LeaseLost, NotReady, Refused
from annotation.events import announce, announce_change, task_submitted
from annotation.history import record
from annotation.models import Clip, Membership, Project, Task
from annotation.spoken import frames_said

# How long a task stays with someone who went away without a word. Their work stays in it either way.
LEASE = timedelta(hours=1)
# A heartbeat reports the seconds since the last one; more than this is a sleeping laptop, not work.
LONGEST_BEAT = 60.0

State = Task.State


@transaction.atomic
def create(
    *,
    project: Project,
    clip: Clip,
    by: User | None,
    start: int = 0,
    end: int | None = None,
    frames: Sequence[int] | None = None,
    priority: int = 0,
) -> Task:
    """A first task on the frames `[start, end)` of a clip; `frames` (the clip's keyframes) must be complete.

    Raises:
        Refused: the range does not fit the clip, or those frames have a task already.
    """
    end = clip.frame_count if end is None else end
    if clip.project_id != project.pk:
        raise Refused(f"Clip {clip.pk} is not in {project.name}.")
    if not start < end:
        raise Refused(f"A task that starts at frame {start} and has ended at frame {end} holds none.")
    if not 0 <= start < end <= clip.frame_count:
        has = frames_said(0, clip.frame_count)
        raise Refused(f"{clip.name} has {has}; a task on {frames_said(start, end)} does not fit.")
    if Task.objects.primary().filter(clip=clip, start=start, end=end).exists():
        raise Refused(f"There is a task on {frames_said(start, end)} of {clip.name} already.")
    wanted = sorted({frame for frame in (clip.keyframes if frames is None else frames) if start <= frame < end})
    task = Task.objects.create(
        project=project,
        clip=clip,
        start=start,
        end=end,
        frames=wanted or [start],
        priority=priority,
    )
    record(project=project, actor=by, verb="created", subject=task, clip=clip.pk)
    announce_change(project_id=project.pk, kind="task", object_id=task.pk)
    return task


@transaction.atomic
def ask_second(*, task: Task, by: User | None, another: bool = False) -> Task:
    """A second annotator's task on the same frames, for agreement; one is enough unless `another` is asked for.

    Raises:
        Refused: the task is itself a second one.
    """
    if task.second_of_id is not None:
        raise Refused(f"Task {task.pk} is itself a second opinion; ask for one on task {task.second_of_id}.")
    first = Task.objects.select_for_update(of=("self",)).get(pk=task.pk)
    known = first.seconds.order_by("pk").first()
    if known is not None and not another:
        return known
    second = Task.objects.create(
        project=first.project,
        clip=first.clip,
        start=first.start,
        end=first.end,
        frames=first.frames,
        second_of=first,
        # A second opinion is worth most while the first annotator still remembers the clip.
        priority=first.priority + 1,
    )
    record(
        project=first.project,
        actor=by,
        verb="asked for a second opinion",
        subject=first,
        second=second.pk,
    )
    announce_change(project_id=first.project_id, kind="task", object_id=second.pk)
    return second


@transaction.atomic
def claim_next(*, project: Project, user: User) -> Task | None:
    """Give a person their next task, or None: what they have in hand, what was sent back, then the queue.

    Two people never get the same task: on PostgreSQL a row that another claim holds is skipped, on SQLite claims
    queue at BEGIN IMMEDIATE.
    """
    in_hand = Task.objects.filter(project=project).waiting_for(user).order_by("-state", "id").first()
    if in_hand is not None:
        return claim(task=in_hand, user=user)
    waiting = Task.objects.filter(project=project).claimable_by(user)
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    found = waiting.first()
    return _give(found, user) if found else None


@transaction.atomic
def claim(*, task: Task, user: User) -> Task:
    """Take one particular task.

    Raises:
        LeaseLost: someone else holds it, or it is not open.
    """
    locked = Task.objects.select_for_update(of=("self",)).get(pk=task.pk)
    mine = locked.assignee_id == user.pk and locked.is_editable
    if not mine and not Task.objects.filter(pk=task.pk).claimable_by(user).exists():
        holder = locked.assignee.get_username() if locked.assignee else "nobody"
        raise LeaseLost(f"Task {task.pk} is {locked.get_state_display().lower()} with {holder}; take another one.")
    return _give(locked, user)


@transaction.atomic
def renew(*, task: Task, user: User, seconds: float = 0.0) -> Task:
    """Keep the lease alive and count the time worked.

    Raises:
        LeaseLost: the task went to someone else, or is no longer being annotated.
    """
    renewed = Task.objects.filter(pk=task.pk, assignee=user, state__in=[State.IN_PROGRESS, State.SENT_BACK]).update(
        leased_until=_later(LEASE),
        seconds_spent=F("seconds_spent") + min(max(seconds, 0.0), LONGEST_BEAT),
    )
    if not renewed:
        raise LeaseLost(f"Task {task.pk} is no longer yours; your last strokes are kept in this browser.")
    task.refresh_from_db()
    return task


@transaction.atomic
def release(*, task: Task, user: User) -> Task:
    """Put a task back into the queue; the work done stays in it.

    Raises:
        LeaseLost: it is not in this person's hands.
    """
    task = _held(task, user)
    task.state, task.assignee, task.lease, task.leased_until = (
        State.OPEN,
        None,
        None,
        None,
    )
    return _moved(task, by=user, verb="released")


@transaction.atomic
def submit(*, task: Task, user: User) -> Task:
    """Send a task to review, when nothing in it is plainly wrong.

    Raises:
        NotReady: Tier 1 found errors; the sentence names the first, and all are with it.
        LeaseLost: it is not in this person's hands.
    """
    task = _held(task, user)
    remarks = tier1.check_task(task)
    errors = [remark for remark in remarks if remark.severity == "error"]
    if errors:
        more = f" {len(errors) - 1} more are in the list." if len(errors) > 1 else ""
        raise NotReady(f"Task {task.pk} can't be submitted yet: {errors[0].message}{more}", remarks=remarks)
    task.state, task.lease, task.leased_until, task.submitted_at = (
        State.SUBMITTED,
        None,
        None,
        timezone.now(),
    )
    task = _moved(task, by=user, verb="submitted")
    announce(task_submitted, task_id=task.pk)
    return task


@transaction.atomic
def send_back(*, task: Task, by: User, comment: str) -> Task:
    """Return a task to its annotator with what is to be mended.

    Raises:
        CommentMissing: nothing says what is to be mended.
        Refused: the task is not in review.
    """
    if not comment.strip():
        raise CommentMissing("Say what is to be mended; a task is not sent back without a comment.")
    task = _reviewed(task, by, allowed=(State.SUBMITTED, State.ACCEPTED))
    task.state, task.comment = State.SENT_BACK, comment.strip()
    return _moved(task, by=by, verb="sent back", comment=task.comment)


@transaction.atomic
def accept(*, task: Task, by: User) -> Task:
    """Accept a task: its work may be delivered.

    Raises:
        Refused: the task is not in review, or the reviewer is its annotator.
    """
    task = _reviewed(task, by, allowed=(State.SUBMITTED,))
    task.state, task.comment = State.ACCEPTED, ""
    return _moved(task, by=by, verb="accepted")


def _give(task: Task, user: User) -> Task:
    began = task.assignee_id != user.pk or task.state != State.IN_PROGRESS
    task.assignee = user
    if task.state != State.SENT_BACK:
        task.state = State.IN_PROGRESS
    task.new_lease()
    task.save(update_fields=["assignee", "state", "lease", "changed_at"])
    Task.objects.filter(pk=task.pk).update(leased_until=_later(LEASE))
    if began:
        record(project=task.project, actor=user, verb="claimed", subject=task)
        announce_change(project_id=task.project_id, kind="task", object_id=task.pk)
    return task


def _held(task: Task, user: User) -> Task:
    locked = Task.objects.select_for_update(of=("self",)).select_related("project", "clip").get(pk=task.pk)
    if locked.assignee_id != user.pk or not locked.is_editable:
        raise LeaseLost(f"Task {task.pk} is not in your hands; reload the page to see where it is.")
    return locked


def _reviewed(task: Task, by: User, *, allowed: tuple[Task.State, ...]) -> Task:
    locked = Task.objects.select_for_update(of=("self",)).select_related("project", "clip").get(pk=task.pk)
    if locked.state not in allowed:
        raise Refused(f"Task {task.pk} is {locked.get_state_display().lower()}; only submitted work is reviewed.")
    if (
        locked.assignee_id == by.pk
        and not Membership.objects.filter(project=locked.project, user=by, role=Membership.Role.MANAGER).exists()
    ):
        raise Refused(f"Task {task.pk} is your own work; another person has to review it.")
    return locked


def _moved(task: Task, *, by: User, verb: str, **data: str) -> Task:
    task.version += 1
    task.save()
    record(project=task.project, actor=by, verb=verb, subject=task, **data)
    announce_change(project_id=task.project_id, kind="task", object_id=task.pk)
    return task


def _later(span: timedelta) -> datetime:
    """A moment after now by the database's clock; the clocks of several web servers differ."""
    return cast(datetime, ExpressionWrapper(Now() + Value(span), output_field=DateTimeField()))
