"""Two or more people's action segments over each other, their agreement, and the one timeline made out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from annotation.models import Task
from annotation.work import WorkSegment
from frontend import time_axis
from frontend.access import PageRequest, Role, enter, enter_review
from frontend.answers import telling
from frontend.pages.reviews import BOUNDARY_TARGET_S, name_of
from review import adjudication, timelines
from review.adjudication import KEPT, MERGED, NONE
from review.errors import NothingToCompare
from review.timelines import Row, Timelines

# Boundaries further apart than this are worth a look; closer ones nobody sees at normal speed [R2].
NEAR_S = 0.1
MOST_TOLD = 3  # sentences on links that were not taken along


@dataclass(frozen=True)
class Choice:
    """One way to settle a row; without a segment it is for leaving the row out."""

    value: str
    segment: WorkSegment | None
    name: str
    times: str
    colour: str


@dataclass(frozen=True)
class Line:
    """A row as the page shows it. `doubt` says in what the people differ, empty where they do not."""

    key: str
    level: str
    frame: int
    doubt: str
    now: str
    people: list[Choice | None]
    merged: Choice | None


@login_required
def timelines_page(request: PageRequest, slug: str, pk: int) -> HttpResponse:
    enter(request, slug, Role.QA_LEAD)
    place, task = enter_review(request, slug, pk)
    if request.method == "POST":
        return _decide(request, slug, task)
    try:
        found = timelines.of(task)
    except NothingToCompare as refusal:
        messages.info(request, str(refusal))
        return redirect("review", slug, task.pk)
    colours = time_axis.colours_of(task.project)
    lines = [_line(found, row, colours) for row in found.rows]
    all_rows = request.GET.get("rows") == "all"
    names = [name_of(one) for one in found.tasks]
    level = request.GET.get("level") or next(reversed(found.levels), "")
    shown: dict[str, Any] = {
        "place": place,
        "here": "tasks",
        "task": found.first,
        "names": names,
        "levels": list(found.levels),
        "level": level,
        "figures": found.levels.get(level),
        "classes": _classes(found, level, colours),
        "people": _people(found, level, names),
        "pairs": _pairs(found, level, names),
        "axis": _axis(found, names, colours),
        "lines": [line for line in lines if all_rows or line.doubt or line.now == KEPT],
        "all_rows": all_rows,
        "row_count": len(lines),
        "doubtful": sum(1 for line in lines if line.doubt),
        "may_decide": found.first.state == Task.State.SUBMITTED and found.first.assignee_id != request.user.pk,
        "boundary_target": BOUNDARY_TARGET_S,
        "kept": KEPT,
        "none": NONE,
        "whole": [*((str(n), f"all of {name}") for n, name in enumerate(names)), (MERGED, "the middle of all")],
    }
    return render(request, "timelines/timelines.html", shown)


def _decide(request: PageRequest, slug: str, task: Task) -> HttpResponse:
    chosen = {name.removeprefix("row-"): str(value) for name, value in request.POST.items() if name.startswith("row-")}
    said = "The timeline of the first task is as you chose; it is what will be delivered."
    with telling(request, said):
        if whole := request.POST.get("whole"):
            chosen = _whole(timelines.of(task), str(whole))
        made = adjudication.adjudicate(task=task, choices=chosen, by=request.user)
        for sentence in made.unlinked[:MOST_TOLD]:
            messages.warning(request, sentence)
        if (more := len(made.unlinked) - MOST_TOLD) > 0:
            messages.warning(request, f"So are {more} more links.")
    back = redirect("timelines", slug, task.pk)
    if kept := {name: request.GET[name] for name in ("rows", "level") if name in request.GET}:
        back["Location"] += f"?{urlencode(kept)}"
    return back


def _whole(found: Timelines, whole: str) -> dict[str, str]:
    """One choice for every row: a person's whole timeline, or the middle of all."""
    if whole == MERGED:
        return {row.key: MERGED for row in found.rows}
    place = int(whole) if whole.isdigit() and int(whole) < len(found.tasks) else 0
    return {row.key: whole if row.segments[place] else NONE for row in found.rows}


def _line(found: Timelines, row: Row, colours: dict[str, str]) -> Line:
    first = min(segment.start for segment in row.said)
    middle = adjudication.merged(row.said, found.seconds) if len(row.said) > 1 else None
    return Line(
        key=row.key,
        level=row.level,
        frame=first,
        doubt=_doubt(found, row),
        now=adjudication.choice_now(found, row),
        people=[
            _choice(found, str(place), segment, colours) if segment else None
            for place, segment in enumerate(row.segments)
        ],
        merged=_choice(found, MERGED, middle, colours) if middle else None,
    )


def _choice(found: Timelines, value: str, segment: WorkSegment, colours: dict[str, str]) -> Choice:
    start, end = (found.seconds[min(at, len(found.seconds) - 1)] for at in (segment.start, segment.end))
    said = segment.phase or segment.action or "no class"
    colour = colours.get(segment.phase) or colours.get(segment.action) or "#8a8a8a"
    return Choice(value, segment, said, f"{start:.2f}–{end:.2f} s", colour)


def _doubt(found: Timelines, row: Row) -> str:
    """In what the people differ, in words; the gravest thing alone."""
    missing = [name_of(task) for task, segment in zip(found.tasks, row.segments, strict=True) if segment is None]
    if missing:
        return f"not set by {' and '.join(missing)}"
    if len({timelines.name_of(segment) for segment in row.said}) > 1:
        return "different classes"
    last = len(found.seconds) - 1
    apart = max(
        float(max(times) - min(times))
        for times in (
            [found.seconds[min(getattr(segment, side), last)] for segment in row.said] for side in ("start", "end")
        )
    )
    return f"{1000 * apart:.0f} ms apart" if apart > NEAR_S else ""


def _axis(found: Timelines, names: Sequence[str], colours: dict[str, str]) -> time_axis.Axis | None:
    people: list[tuple[str, Sequence[WorkSegment]]] = [*zip(names, found.own, strict=True), ("result", found.result)]
    first = found.first
    return time_axis.draw(people, start=first.start, end=first.end, fps=first.clip.fps, colours=colours)


def _classes(found: Timelines, level: str, colours: dict[str, str]) -> list[dict[str, Any]]:
    if level not in found.levels:
        return []
    rows = []
    for each in found.levels[level].classes:
        action, phase = timelines.class_of(each)
        row = {
            "name": " · ".join(filter(None, (action, phase))) or "no class",
            "colour": colours.get(phase) or colours.get(action, ""),
            "segments": " / ".join(str(n) for n in each.segments),
            "score": each.score,
        }
        rows.append(row)
    return rows


def _people(found: Timelines, level: str, names: Sequence[str]) -> list[dict[str, Any]]:
    if level not in found.levels:
        return []
    counts = [sum(segment.level == level for segment in own) for own in found.own]
    scores = found.levels[level].people
    return [{"name": n, "segments": c, "score": s} for n, c, s in zip(names, counts, scores, strict=True)]


def _pairs(found: Timelines, level: str, names: Sequence[str]) -> list[dict[str, Any]]:
    if level not in found.levels or len(names) < 3:
        return []
    return [{"name": f"{names[a]} and {names[b]}", "score": each} for a, b, each in found.levels[level].pairs]
