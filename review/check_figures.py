"""What each check has raised in a project and what people made of it, so that thresholds can be set by looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotation.models import Clip, Project
from enrichment import thresholds
from enrichment.checks import registry
from enrichment.checks.registry import Measure
from review.models import Flag

DAYS = 30
BINS = 24
MOST_MEASURED = 20_000  # the newest; enough for a histogram, and read in a tenth of a second
OTHERS = (0.25, 0.5, 0.75)  # quantiles of the measure that are offered as other thresholds
BREAKDOWNS = {"label": "label", "scene": "clip__scene", "kind": "kind"}
MOST_LINES = 12

State = Flag.State


@dataclass(frozen=True)
class Tally:
    """How many flags, by what became of them; raised counts those that are no longer found, too."""

    raised: int
    open: int
    fixed: int
    sent_back: int
    dismissed: int
    gone: int

    @property
    def decided(self) -> int:
        return self.fixed + self.sent_back + self.dismissed

    @property
    def false_share(self) -> float | None:
        """The share of decided flags that people dismissed, false alarms by their verdict; None where none is."""
        return self.dismissed / self.decided if self.decided else None


@dataclass(frozen=True)
class CheckFigures:
    """One check; rates are of all flags ever raised. days: flags raised on each of the last 30, oldest first."""

    name: str
    title: str
    tally: Tally
    per_100_clips: float | None
    per_1000_frames: float | None
    days: tuple[int, ...]


@dataclass(frozen=True)
class Other:
    """Another threshold: of the flags that were measured, how many it would leave, and how many of the dismissed."""

    value: float
    flags: int
    dismissed: int


@dataclass(frozen=True)
class Measured:
    """A kind of finding and the number that decides it. counts: flags by bin between `low` and `high`."""

    kind: str
    measure: Measure
    threshold: float
    low: float
    high: float
    counts: tuple[int, ...]
    flags: int
    dismissed: int
    others: tuple[Other, ...]


@dataclass(frozen=True)
class Line:
    """One label, scene or kind of a check; `value` is "" for flags that name none."""

    value: str
    tally: Tally


def checks(project: Project) -> list[CheckFigures]:
    """Every registered check, also one that raised nothing, and any that only old flags name: three queries."""
    tallies = {row["check_name"]: row for row in _tallied(Flag.objects.filter(project=project), "check_name")}
    size = Clip.objects.filter(project=project).aggregate(clips=Count("*"), frames=Sum("frame_count"))
    days = _days(project)
    known = registry.every()
    found = []
    for name in sorted({*tallies, *known}):
        tally = _tally(tallies.get(name, {}))
        found.append(
            CheckFigures(
                name=name,
                title=known[name].title if name in known else name,
                tally=tally,
                per_100_clips=100 * tally.raised / size["clips"] if size["clips"] else None,
                per_1000_frames=1000 * tally.raised / size["frames"] if size["frames"] else None,
                days=days.get(name, (0,) * DAYS),
            )
        )
    return found


def breakdown(project: Project, check: str, by: str) -> list[Line]:
    """A check's flags by label, scene or kind (`BREAKDOWNS`), the most first: one query.

    Raises:
        KeyError: `by` is none of these.
    """
    field = BREAKDOWNS[by]
    rows = _tallied(Flag.objects.filter(project=project, check_name=check), field)
    return [Line(row[field], _tally(row)) for row in rows.order_by("-raised", field)[:MOST_LINES]]


def measured(project: Project, check: str) -> list[Measured]:
    """The numbers that decided a check's flags, by kind, and what stricter thresholds would raise: two queries.

    What lies on the other side of the present threshold was never flagged, so looser ones cannot be told.

    Raises:
        RunRefused: what is set of the check no longer fits.
    """
    layer = thresholds.layer_of(check)
    if check not in registry.every() or layer is None:
        return []
    limits = thresholds.of_layer(project.pk, layer.name)
    rows = Flag.objects.filter(project=project, check_name=check, measure__isnull=False).order_by("-pk")
    values: dict[str, list[tuple[float, bool]]] = {}
    for kind, value, state in rows.values_list("kind", "measure", "state")[:MOST_MEASURED]:
        if value is not None:
            values.setdefault(kind, []).append((value, state == State.DISMISSED))
    offered = registry.get(check).measures
    return [_measured(kind, offered[kind], limits, values[kind]) for kind in sorted(values) if kind in offered]


def _measured(kind: str, measure: Measure, limits: Any, found: Sequence[tuple[float, bool]]) -> Measured:
    values, dismissed = np.array([value for value, _ in found]), np.array([no for _, no in found])
    threshold = float(getattr(limits, measure.threshold))
    # One finding that is far out must not press all others into a single bar.
    low, high = min(threshold, float(values.min())), max(threshold, float(np.percentile(values, 99)))
    high = high if high > low else low + 1.0
    counts, _ = np.histogram(np.clip(values, low, high), bins=BINS, range=(low, high))
    others = []
    for value in sorted({_rounded(float(np.quantile(values, share))) for share in OTHERS}):
        left = values > value if measure.above else values < value
        if value != threshold and 0 < left.sum() < len(values):
            others.append(Other(value, int(left.sum()), int((left & dismissed).sum())))
    bars = tuple(int(count) for count in counts)
    return Measured(kind, measure, threshold, low, high, bars, len(values), int(dismissed.sum()), tuple(others))


def _rounded(value: float) -> float:
    """To two figures: a threshold that a person would set."""
    return float(f"{value:.2g}")


def _tallied(found: Any, by: str) -> Any:
    states = {name: Count("pk", filter=Q(state=state)) for name, state in _STATES.items()}
    return found.order_by().values(by).annotate(raised=Count("*"), **states)


_STATES = {
    "open": State.OPEN,
    "fixed": State.FIXED,
    "sent_back": State.SENT_BACK,
    "dismissed": State.DISMISSED,
    "gone": State.GONE,
}


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(**{name: row.get(name, 0) for name in ("raised", *_STATES)})


def _days(project: Project) -> dict[str, tuple[int, ...]]:
    """Flags by check on each of the last DAYS days, UTC."""
    first = timezone.now().date() - timedelta(days=DAYS - 1)
    rows = Flag.objects.filter(project=project, created_at__date__gte=first).order_by()
    found: dict[str, dict[date, int]] = {}
    for row in rows.values("check_name", day=TruncDate("created_at")).annotate(count=Count("*")):
        found.setdefault(row["check_name"], {})[row["day"]] = row["count"]
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return {name: tuple(counts.get(day, 0) for day in days) for name, counts in found.items()}
