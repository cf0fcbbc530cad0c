"""Where checks did not come to a judgement, and why: what raised no flag there has not been found good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from annotation.models import Project, Task
from enrichment import registry, work_checks
from enrichment.models import LayerRun, TaskCheck

# Clips of one check that are counted. Where an engine is missing that would be all there are, hundreds of thousands, of
# which nobody needs the exact number while they wait for the page.
COUNTED = 1_000
# Of what looks at work told, the most frequent; enough to see what is amiss.
MOST_REASONS = 1_000


@dataclass(frozen=True)
class Unjudged:
    """One reason for which a check did not judge, on how many clips' proposals, and on how many tasks' work.

    clips: of the COUNTED that were looked at.
    """

    check: str
    why: str
    clips: int = 0
    tasks: int = 0


def of_project(project: Project, *, clip: int | None = None, task: int | None = None) -> dict[str, list[Unjudged]]:
    """By check, the reasons that are true now, the most frequent first; a query for each check and one for work.

    Of a check COUNTED clips are looked at, no more. Of work only what is submitted or accepted counts, by the last look
    at it. With a clip only what is on it counts; with a task only that task's work, which proposals are not.
    """
    clips = Counter[tuple[str, str]]() if task is not None else _of_proposals(project, _only(clip=clip))
    tasks = _of_work(project, _only(task=task, task__clip=clip))
    found: dict[str, list[Unjudged]] = {}
    for check, why in sorted({*clips, *tasks}, key=lambda key: (-clips[key] - tasks[key], key)):
        found.setdefault(check, []).append(Unjudged(check, why, clips[check, why], tasks[check, why]))
    return found


def of_task(task: Task) -> list[Unjudged]:
    """What was not judged of a task's work when it was last looked at; one query."""
    last = TaskCheck.objects.filter(task=task).order_by("-version").first()
    reasons = [] if last is None else _reasons(last.state, last.skipped, last.error)
    return [Unjudged(check, why, tasks=1) for check, why in reasons]


def _only(**wanted: int | None) -> Q:
    return Q(**{name: value for name, value in wanted.items() if value is not None})


def _of_proposals(project: Project, only: Q) -> Counter[tuple[str, str]]:
    without = Q(state__in=LayerRun.STUCK) | Q(state=LayerRun.State.DONE) & ~Q(unjudged="")
    there = LayerRun.objects.current().filter(without, only, clip__project=project).order_by()
    found: Counter[tuple[str, str]] = Counter()
    for name, layer in registry.every().items():
        if name.startswith("check_"):
            counted = LayerRun.objects.filter(pk__in=there.filter(layer=name).values("pk")[:COUNTED]).order_by()
            for unjudged, error, count in counted.values_list("unjudged", "error").annotate(count=Count("*")):
                found[layer.engine, error or unjudged] += count
    return found


def _of_work(project: Project, only: Q) -> Counter[tuple[str, str]]:
    newer = TaskCheck.objects.filter(task=OuterRef("task"), version__gt=OuterRef("version"))
    there: QuerySet[TaskCheck] = TaskCheck.objects.filter(
        ~Exists(newer), only, task__project=project, task__state__in=[Task.State.SUBMITTED, Task.State.ACCEPTED]
    )
    rows = there.filter(Q(state=TaskCheck.State.FAILED) | ~Q(skipped={}))
    same = rows.values_list("state", "skipped", "error").annotate(count=Count("*")).order_by("-count")
    found: Counter[tuple[str, str]] = Counter()
    for state, skipped, error, count in same[:MOST_REASONS]:
        for reason in _reasons(state, skipped, error):
            found[reason] += count
    return found


def _reasons(state: str, skipped: dict[str, str], error: str) -> Iterable[tuple[str, str]]:
    """Each check that did not judge, and why; a failure is all checks' own, since none of them was surely done."""
    if state == TaskCheck.State.FAILED:
        return [(check, error) for check in work_checks.NAMES]
    return list(skipped.items())
