"""What home and the overview of a project show, in a number of queries that does not grow with projects or rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db.models import Count, F, FloatField, Sum
from django.db.models.functions import Cast

from annotation import access
from annotation.models import Clip, Membership, Project, Task
from frontend import figures, progress
from frontend.access import Role
from frontend.progress import Progress
from review import annotators
from review import progress as measured
from review.models import Flag, LabelAgreement


@dataclass(frozen=True)
class Line:
    """A project in a list: the person's role in it, how far it is, what is wrong in it."""

    project: Project
    role: Membership.Role
    clips: int
    progress: Progress
    flags: dict[int, int] = field(default_factory=dict)  # open ones by severity
    alerts: int = 0

    @property
    def role_name(self) -> str:
        return str(self.role.label)

    @property
    def is_lead(self) -> bool:
        return access.RANK[self.role] >= access.RANK[Role.QA_LEAD]

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER

    @property
    def flag_count(self) -> int:
        return sum(self.flags.values())


def lines(user: User, found: Sequence[Project]) -> list[Line]:
    """One line per project."""
    roles = dict(Membership.objects.filter(user=user, project__in=found).values_list("project_id", "role"))
    clips = dict(Clip.objects.filter(project__in=found).order_by().values_list("project_id").annotate(n=Count("*")))
    bars = progress.by_project(Task.objects.filter(project__in=found))
    flags: dict[int, dict[int, int]] = {}
    open_flags = Flag.objects.open().filter(project__in=found).order_by().values_list("project_id", "severity")
    for project_id, severity, count in open_flags.annotate(n=Count("*")):
        flags.setdefault(project_id, {})[severity] = count
    below = _below_target(found)
    return [
        Line(
            project=project,
            role=Role.MANAGER if user.is_superuser else Role(roles[project.pk]),
            clips=clips.get(project.pk, 0),
            progress=bars.get(project.pk, Progress()),
            flags=flags.get(project.pk, {}),
            alerts=below.get(project.pk, 0),
        )
        for project in found
    ]


def for_leads(project: Project) -> dict[str, object]:
    in_review = Task.objects.filter(project=project, state=Task.State.SUBMITTED)
    flags = Flag.objects.open().filter(project=project)
    return {
        "worst_flags": list(flags.worst_first().select_related("clip")[:6]),
        "flag_count": flags.count(),
        "in_review": list(in_review.select_related("clip", "assignee").order_by("submitted_at")[:10]),
        "in_review_count": in_review.count(),
    }


def for_managers(project: Project) -> dict[str, object]:
    days = measured.throughput(project, days=figures.DAYS)
    week = days[-7:]
    return {
        "people": annotators.people(project),
        "plots": figures.in_words(project, days),
        "week": {
            "submitted": sum(day.submitted for day in week),
            "accepted": sum(day.accepted for day in week),
            "masks": sum(day.masks for day in week),
        },
    }


def _below_target(found: Sequence[Project]) -> dict[int, int]:
    """How many labels of each project are below their IoU target, over first comparisons, in one query."""
    scores = LabelAgreement.objects.filter(agreement__project__in=found, agreement__first=True).order_by()
    lines = scores.values_list("agreement__project", "label", "label__iou_target").annotate(
        things=Sum("masks"), overlap=Sum(F("iou") * Cast(F("masks"), FloatField()), output_field=FloatField())
    )
    below: dict[int, int] = {}
    for project_id, _, target, things, overlap in lines:
        if things and overlap / things < target:
            below[project_id] = below.get(project_id, 0) + 1
    return below
