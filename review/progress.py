"""How far a project is, how good, how quick: what a manager's plots show. [R2, R3]"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast, TruncDate
from django.utils import timezone

from annotation.models import Clip, Label, MaskRevision, Project, Task
from annotation.models.revision import Revision
from review import annotators
from review.models import Agreement, Flag, LabelAgreement, Review

DAYS = 30


@dataclass(frozen=True)
class LabelFigure:
    """A label's agreement over all pairs against its target; None where nothing is compared."""

    label: str
    colour: str
    target: float
    iou: float | None
    boundary_px: float | None
    masks: int
    confused: int

    @property
    def meets(self) -> bool | None:
        return None if self.iou is None else self.iou >= self.target


@dataclass(frozen=True)
class Day:
    """What was done on one day, UTC: masks drawn by hand, tasks submitted, tasks accepted."""

    day: date
    masks: int
    submitted: int
    accepted: int


@dataclass(frozen=True)
class Progress:
    """A project's figures.

    tasks: first tasks by state, every state named. flags: open ones by severity name. segments: means over the pairs.
    days: the last 30, oldest first, days without work included.
    """

    clips: int
    tasks: dict[str, int]
    second_opinions: int
    pairs: int
    labels: tuple[LabelFigure, ...]
    segments: dict[str, float | None]
    flags: dict[str, int]
    days: tuple[Day, ...]
    people: tuple[annotators.Person, ...]

    @property
    def done(self) -> float | None:
        """The share of first tasks that are accepted; None without tasks."""
        total = sum(self.tasks.values())
        return self.tasks[Task.State.ACCEPTED] / total if total else None


def of(project: Project, *, days: int = DAYS) -> Progress:
    """All figures of a project: a fixed number of queries."""
    tasks = Task.objects.filter(project=project)
    by_state = dict(tasks.primary().order_by().values_list("state").annotate(n=Count("*")))
    compared = Agreement.objects.filter(project=project, first=True)
    return Progress(
        clips=Clip.objects.of(project).count(),
        tasks={state: by_state.get(state, 0) for state in Task.State.values},
        second_opinions=tasks.filter(second_of__isnull=False).count(),
        pairs=compared.count(),
        labels=tuple(labels(project)),
        segments=_segment_means(compared),
        flags=_open_flags(project),
        days=tuple(throughput(project, days=days)),
        people=tuple(annotators.people(project)),
    )


def labels(project: Project) -> list[LabelFigure]:
    """Agreement per label against its target, over the first comparison of every pair: two queries."""
    compared = LabelAgreement.objects.filter(agreement__project=project, agreement__first=True)
    weight = Cast(F("masks"), FloatField())
    with_boundary = Q(boundary_px__isnull=False)
    sums = (
        compared.order_by()
        .values("label")
        .annotate(
            things=Sum("masks"),
            other=Sum("confused"),
            overlap=Sum(F("iou") * weight, output_field=FloatField()),
            distance=Sum(F("boundary_px") * F("matched"), filter=with_boundary, output_field=FloatField()),
            outlines=Sum("matched", filter=with_boundary),
        )
    )
    found: dict[int, dict[str, Any]] = {row["label"]: dict(row) for row in sums}
    figures = []
    for label in Label.objects.filter(project=project):
        row = found.get(label.pk)
        if row is None and label.retired:
            continue
        row = row or {"things": 0, "other": 0, "overlap": 0.0, "distance": None, "outlines": 0}
        figures.append(
            LabelFigure(
                label=label.key,
                colour=label.colour,
                target=label.iou_target,
                iou=row["overlap"] / row["things"] if row["things"] else None,
                boundary_px=row["distance"] / row["outlines"] if row["outlines"] else None,
                masks=row["things"],
                confused=row["other"],
            )
        )
    return figures


def throughput(project: Project, *, days: int = DAYS) -> list[Day]:
    """What was done on each of the last days, oldest first: three queries."""
    today = timezone.now().date()
    first = today - timedelta(days=days - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=timezone.get_default_timezone())
    drawn = MaskRevision.objects.filter(of__task__project=project, created_at__gte=since, number=1, stale=False)
    masks = _per_day(drawn.filter(method__in=Revision.BY_HAND), "created_at")
    submitted = _per_day(Task.objects.filter(project=project, submitted_at__gte=since), "submitted_at")
    verdicts = Review.objects.filter(project=project, at__gte=since, verdict=Review.Verdict.ACCEPT)
    accepted = _per_day(verdicts, "at")
    return [
        Day(day=day, masks=masks.get(day, 0), submitted=submitted.get(day, 0), accepted=accepted.get(day, 0))
        for day in (first + timedelta(days=n) for n in range(days))
    ]


def body(progress: Progress) -> dict[str, Any]:
    """The figures as JSON has them."""
    told = asdict(progress)
    told["labels"] = [asdict(label) | {"meets": label.meets} for label in progress.labels]
    return told | {"done": progress.done}


def _per_day(rows: QuerySet[Any], field: str) -> dict[date, int]:
    return dict(rows.order_by().annotate(day=TruncDate(field)).values_list("day").annotate(n=Count("*")))


def _open_flags(project: Project) -> dict[str, int]:
    counted = dict(
        Flag.objects.open().filter(project=project).order_by().values_list("severity").annotate(n=Count("*"))
    )
    return {severity.name.lower(): counted.get(severity.value, 0) for severity in reversed(Flag.Severity)}


def _segment_means(compared: QuerySet[Agreement]) -> dict[str, float | None]:
    names = ("temporal_iou", "boundary_error_s", "segment_f1", "kappa")
    return compared.order_by().aggregate(**{name: Avg(name) for name in names})
