"""Who may see or decide what in review.

QA leads and managers see all of it. An annotator sees what was said of their own work once a reviewer has spoken, and
nothing before: who knew the other's outline while drawing would not be a second opinion.
"""

from __future__ import annotations

from django.db.models import Q
from django.http import Http404

from annotation import access
from annotation.access import Person, Role
from annotation.models import Project, Task
from review.models import Agreement, Flag

REVIEWED = (Task.State.ACCEPTED, Task.State.SENT_BACK)


def project_for(user: Person, slug: str) -> Project:
    """A project whose flags and figures this person may see."""
    return access.project_for(user, slug, Role.QA_LEAD)


def flag_for(user: Person, pk: int) -> Flag:
    """A flag to look at; an annotator's are those on their own reviewed tasks."""
    flag = Flag.objects.select_related("project", "clip", "task", "decided_by").filter(pk=pk).first()
    held = access.role_in(user, flag.project) if flag else None
    own = flag is not None and flag.task is not None and _is_reviewed_work_of(user, flag.task)
    if flag is None or held is None or (held == Role.ANNOTATOR and not own):
        raise Http404(f"There is no flag {pk}, or it is not yours to see.")
    return flag


def flag_to_decide(user: Person, pk: int) -> Flag:
    flag = flag_for(user, pk)
    access.demand(user, flag.project, Role.QA_LEAD)
    return flag


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


def _is_reviewed_work_of(user: Person, task: Task) -> bool:
    return task.assignee_id is not None and task.assignee_id == user.pk and task.state in REVIEWED
