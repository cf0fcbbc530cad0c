"""How far tasks are: counts by state, and the bar that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from annotation.models import Task

# From what is done to what is not, as the bar is read.
ORDER = (
    Task.State.ACCEPTED,
    Task.State.SUBMITTED,
    Task.State.SENT_BACK,
    Task.State.IN_PROGRESS,
    Task.State.OPEN,
)


# What waits for one person is counted up to here.
MANY = 1000


@dataclass(frozen=True)
class Span:
    """A stretch of the bar, in percent of its width."""

    state: str
    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Progress:
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def accepted(self) -> int:
        return self.counts.get(Task.State.ACCEPTED, 0)

    @property
    def waiting(self) -> int:
        return self.counts.get(Task.State.OPEN, 0)

    @property
    def sentence(self) -> str:
        """The bar in words, for those who do not see it."""
        said = [f"{span.count} {span.name.lower()}" for span in self.spans()]
        return f"{self.total} tasks: {', '.join(said)}" if said else "No tasks yet"

    def spans(self) -> list[Span]:
        spans: list[Span] = []
        start = 0.0
        for state in ORDER:
            count = self.counts.get(state, 0)
            if count:
                width = 100.0 * count / self.total
                spans.append(Span(state.value, str(state.label), count, round(start, 2), round(width, 2)))
                start += width
        return spans


def by_project(tasks: QuerySet[Task]) -> dict[int, Progress]:
    """Progress of first tasks by project id, in one query."""
    rows = tasks.primary().order_by().values_list("project_id", "state").annotate(n=Count("*"))  # type: ignore[attr-defined]
    return _grouped(rows)


def claimable(user: User, bars: Mapping[int, Progress]) -> dict[int, int]:
    """How many tasks wait for a person, by project id; not counted beyond MANY, where it changes nothing for them.

    Args:
        user: the person.
        bars: as `by_project` gives them.
    """
    many = {pk for pk, bar in bars.items() if bar.waiting >= MANY}
    few = Task.objects.filter(project__in=bars.keys() - many).claimable_by(user).order_by()
    return dict(few.values_list("project_id").annotate(n=Count("*"))) | dict.fromkeys(many, MANY)


def _grouped(rows: Iterable[tuple[int, str, int]]) -> dict[int, Progress]:
    found: dict[int, dict[str, int]] = {}
    for project_id, state, count in rows:
        found.setdefault(project_id, {})[state] = count
    return {project_id: Progress(counts) for project_id, counts in found.items()}
