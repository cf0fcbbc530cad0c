"""Tables that sort, keep their state in the address, and load the next rows as one scrolls.

Rows are found by key, not by offset: the thousandth window costs what the first does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
WINDOW = 40
# What a search finds is counted up to here: beyond, the number tells nobody anything, and counting takes longest.
MANY = 1000


@dataclass(frozen=True)
class Window(Generic[Row]):
    """Some rows of a table. `more` is the query string that asks for the next ones, empty at the end."""

    rows: list[Row]
    more: str
    sort: str
    first: bool

    def __len__(self) -> int:
        return len(self.rows)


def window(
    found: QuerySet[Row], request: HttpRequest, *, sorts: Mapping[str, str], default: str, size: int = WINDOW
) -> Window[Row]:
    """The window that the address asks for: `?sort=name` or `?sort=-name`, `?after=<id>`.

    Args:
        sorts: what a table may be sorted by, and the field (never null) behind each word.
        default: the word used when the address names none or an unknown one.
    """
    sort = request.GET.get("sort", default)
    if sort.lstrip("-") not in sorts:
        sort = default
    field, down = sorts[sort.lstrip("-")], sort.startswith("-")
    ordered = found.order_by(f"-{field}" if down else field, "-pk" if down else "pk")
    after = request.GET.get("after", "")
    if after:
        ordered = _beyond(ordered, field, after, down=down)
    rows = list(ordered[: size + 1])
    more = ""
    if len(rows) > size:
        rows = rows[:size]
        asked = request.GET.copy()
        asked["after"] = str(rows[-1].pk)
        more = asked.urlencode()
    return Window(rows, more, sort, first=not after)


def some(found: QuerySet[Row]) -> int:
    """How many rows there are, counted no further than to one more than MANY."""
    return found.order_by()[: MANY + 1].count()


def _beyond(ordered: QuerySet[Row], field: str, after: str, *, down: bool) -> QuerySet[Row]:
    if not after.isdecimal():
        return ordered.none()
    last = ordered.model._default_manager.filter(pk=int(after)).values_list(field, flat=True).first()
    if last is None:
        return ordered.none()
    word = "lt" if down else "gt"
    return ordered.filter(Q(**{f"{field}__{word}": last}) | Q(**{field: last, f"pk__{word}": int(after)}))
