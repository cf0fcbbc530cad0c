"""The numbers behind a project's plots, as the plots take them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from annotation.models import Project
from frontend import plots
from review import progress

DAYS = 21


def throughput(project: Project) -> tuple[list[date], list[int], list[int]]:
    """The last DAYS days, oldest first, with the tasks submitted and accepted on each."""
    return _of(progress.throughput(project, days=DAYS))


def agreement(project: Project) -> list[plots.LabelScore]:
    return [plots.LabelScore(each.label, each.iou, each.target, each.masks) for each in progress.labels(project)]


def in_words(project: Project, days: Sequence[progress.Day] | None = None) -> dict[str, str]:
    """What each plot says, for those who do not see it.

    Args:
        days: the last DAYS days, when they are at hand.
    """
    return {
        "throughput": plots.say_throughput(*_of(days or progress.throughput(project, days=DAYS))),
        "agreement": plots.say_agreement(agreement(project)),
    }


def _of(days: Sequence[progress.Day]) -> tuple[list[date], list[int], list[int]]:
    return [day.day for day in days], [day.submitted for day in days], [day.accepted for day in days]
