"""Who may see or decide what in review.

QA leads and managers see all of it. An annotator sees what was said of their own work once a reviewer has spoken, and
doubts about proposals that were sent back to them; nothing before: who knew the other's outline while drawing would
not be a second opinion.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import Http404

from annotation import access
from annotation.access import Person, Role
from annotation.models import Project, Task
from review.models import Agreement, Flag, Review

REVIEWED = (Task.State.ACCEPTED, Task.State.SENT_BACK)


def project_for(user: Person, slug: str) -> Project:
    """A project whose flags and figures this person may see."""
    return access.project_for(user, slug, Role.QA_LEAD)


def flag_for(user: Person, pk: int) -> Flag:
    """A flag to look at; an annotator's are those on their own reviewed tasks, and those sent back to them."""
    known = Flag.objects.select_related("project", "clip__project", "task", "decided_by", "correction")
    flag = known.filter(pk=pk).first()
    held = access.role_in(user, flag.project) if flag else None
    own = flag is not None and _is_theirs(user, flag)
    if flag is None or held is None or (held == Role.ANNOTATOR and not own):
        raise Http404(f"There is no flag {pk}, or it is not yours to see.")
    return flag


def flag_to_decide(user: Person, pk: int) -> Flag:
    flag = flag_for(user, pk)
    access.demand(user, flag.project, Role.QA_LEAD)
    return flag


def flag_to_interpolate(user: Person, pk: int) -> Flag:
    """A flag that may be settled by interpolating: a reviewer's, or one that was sent back to this annotator."""
    flag = flag_for(user, pk)
    if not _was_sent_back_to(user, flag):
        access.demand(user, flag.project, Role.QA_LEAD)
    return flag


def flags_of_task(user: Person, task: Task) -> QuerySet[Flag]:
    """Flags to work on in a task: all open ones for a reviewer, for others what was sent back to them."""
    there = Flag.objects.filter(Q(task=task) | Q(task=None, clip=task.clip_id))
    there = there.touching(start=task.start, end=task.end).select_related("clip", "decided_by").order_by("start", "pk")
    if access.RANK[access.demand(user, task.project)] >= access.RANK[Role.QA_LEAD]:
        return there.open()
    return there.filter(state=Flag.State.SENT_BACK) if _was_sent_back(user, task) else there.none()


def task_to_review(user: Person, pk: int) -> Task:
    """A task to accept or send back."""
    task = access.task_for(user, pk)
    access.demand(user, task.project, Role.QA_LEAD)
    return task


def task_to_compare(user: Person, pk: int) -> Task:
    """A task whose agreement this person may see; an annotator also only once the two were compared."""
    task = access.task_for(user, pk)
    compared = Agreement.objects.filter(Q(task=task) | Q(second=task))
    if not (_is_reviewed_work_of(user, task) and compared.exists()):
        access.demand(user, task.project, Role.QA_LEAD)
    return task


def _is_theirs(user: Person, flag: Flag) -> bool:
    return _was_sent_back_to(user, flag) or (flag.task is not None and _is_reviewed_work_of(user, flag.task))


def _was_sent_back_to(user: Person, flag: Flag) -> bool:
    """Whether a reviewer sent a doubt about proposals back to this person, who works on these frames.

    It stays theirs when they have settled it, so that they can take that back.
    """
    if flag.task_id is not None or not (flag.state == Flag.State.SENT_BACK or flag.decided_by_id == user.pk):
        return False
    tasks = Task.objects.filter(clip=flag.clip_id, start__lt=flag.end, end__gt=flag.start)
    # Work that was handed in again is the reviewer's; what somebody has settled themselves they may look at.
    settled = flag.decided_by_id == user.pk and flag.state != Flag.State.SENT_BACK
    return any(_was_sent_back(user, task) for task in tasks if settled or task.is_editable)


def _was_sent_back(user: Person, task: Task) -> bool:
    theirs = task.assignee_id is not None and task.assignee_id == user.pk
    return theirs and task.reviews.filter(verdict=Review.Verdict.SEND_BACK).exists()


def _is_reviewed_work_of(user: Person, task: Task) -> bool:
    return task.assignee_id is not None and task.assignee_id == user.pk and task.state in REVIEWED
