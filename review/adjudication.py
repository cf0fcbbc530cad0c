"""Out of several people's timelines one: whose segment, row by row, or their middle. [R2]

The result is written into the first task, by the reviewer and as new revisions, because that is the task whose work is
delivered; what each person had submitted stays in the revisions below.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import fmean, median
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from annotation import grammar, history, segments
from annotation.geometry import timebase
from annotation.models import Task
from annotation.models.revision import Revision
from annotation.revisions import Origin
from annotation.spoken import frames_short
from annotation.work import WorkSegment
from review import timelines
from review.errors import ReviewRefused
from review.timelines import Row, Timelines

MERGED: Final = "merged"
NONE: Final = "none"
KEPT: Final = "kept"  # what stands is nobody's: a reviewer moved it by hand
# What a segment is, apart from what it says.
_OWN: Final = frozenset(
    {"id", "version", "revision_id", "method", "engine", "author", "proposal_id", "start_shift", "end_shift"}
)
# Two chosen segments may overlap by this share of the shorter one; the boundary is then set in the middle.
MOST_OVERLAP: Final = 0.5
_NAMESPACE: Final = uuid.UUID("5f0c6a52-6a49-5f0e-9a2d-0a6f2f6b7c11")


@dataclass(frozen=True)
class Outcome:
    """What changed in the first task: segments written and taken out; overlaps cut in the middle.

    `unlinked` are sentences on links of other people's segments to masks that the first task has not.
    """

    written: int
    removed: int
    settled: int
    unlinked: tuple[str, ...] = ()


@transaction.atomic
def adjudicate(*, task: Task, choices: Mapping[str, str], by: User) -> Outcome:
    """Make the timeline that is delivered out of the people's.

    Args:
        task: any task on these frames.
        choices: by row key: the place of a person as a number, "merged", "none", or "kept" for what stands. Rows that
            are not named stay as they stand.
        by: who decides; not the first annotator.

    Raises:
        ReviewRefused: the first task is not in review or is the reviewer's own, a row or choice that does not exist,
            or chosen segments that lie over each other.
        NothingToCompare: fewer than two timelines are submitted.
    """
    locked = Task.objects.select_for_update(of=("self",)).get(pk=task.second_of_id or task.pk)
    _demand(locked, by)
    found = timelines.of(locked)
    rows = {row.key: row for row in found.rows}
    if unknown := sorted(set(choices) - set(rows)):
        raise ReviewRefused(f"No row begins with segment {unknown[0]}; the timelines changed, so reload the page.")
    wanted = dict(found.standing)
    unlinked: list[str] = []
    for key, choice in choices.items():
        if choice == KEPT:
            continue
        segment, target = chosen(found, rows[key], choice), target_of(found, rows[key])
        if segment is None:
            wanted.pop(target, None)
        else:
            wanted[target] = replace(segment, id=target)
            unlinked += _unlinked(found, rows[key], choice, segment)
    settled, count = _settled(list(wanted.values()), found.first.project.grammar)
    outcome = _write(found, {segment.id: segment for segment in settled}, count, by)
    outcome = replace(outcome, unlinked=tuple(unlinked))
    history.record(
        project=found.first.project,
        actor=by,
        verb="adjudicated",
        subject=found.first,
        people=[one.assignee.get_username() if one.assignee else None for one in found.tasks],
        choices=dict(choices),
    )
    return outcome


def chosen(found: Timelines, row: Row, choice: str) -> WorkSegment | None:
    """What a choice makes of a row in the first task; None for no segment.

    The mask tracks of an object and a hand are of one task alone: another person's lead to the first task's tracks
    that show the same (`track_links`), or nowhere. Of the middle of several, what the first annotator linked stands
    where the others' leads nowhere.

    Raises:
        ReviewRefused: no such choice, or a person who has no segment in the row.
    """
    if choice == NONE:
        return None
    ours = own_of(found, row)
    if choice == MERGED:
        middle = merged(row.said, found.seconds)
        return replace(
            middle,
            object=_link(found, middle.object) or (ours.object if ours else None),
            hand=_link(found, middle.hand) or (ours.hand if ours else None),
        )
    segment = row.segments[int(choice)] if choice.isdigit() and int(choice) < len(row.segments) else None
    if segment is not None:
        return replace(segment, object=_link(found, segment.object), hand=_link(found, segment.hand))
    raise ReviewRefused(f"{choice!r} is no choice for the row of segment {row.key}; reload the page.")


def _link(found: Timelines, track: str | None) -> str | None:
    """The first task's track for a track of any of the tasks."""
    if track is None or track in found.own_tracks:
        return track
    return found.links.get(track)


def _unlinked(found: Timelines, row: Row, choice: str, made: WorkSegment) -> list[str]:
    """Sentences on the links that a choice could not take along."""
    said = row.said if choice == MERGED else [each for each in [row.segments[int(choice)]] if each is not None]
    sentences = []
    for role, now in (("object", made.object), ("hand", made.hand)):
        if now is None and any(getattr(each, role) for each in said):
            sentences.append(
                f"{_said(made)} is not linked with the mask of its {role}: the first task has no mask that shows the "
                "same; link it there, or draw it."
            )
    return sentences


def merged(said: Sequence[WorkSegment], seconds: timebase.Seconds) -> WorkSegment:
    """The middle of several segments: median boundaries in time, what most called it (else the first), all sentences.

    Of two people the median is the mean. Everything else is the first's of those who called it so.
    """
    names = Counter(timelines.name_of(segment) for segment in said)
    name = max(names, key=names.__getitem__)  # of equals the one counted first
    model = next(segment for segment in said if timelines.name_of(segment) == name)
    times = [timebase.span(seconds, segment.start, segment.end) for segment in said]
    start, end = (timebase.nearest_edge(seconds, median(side)) for side in zip(*times, strict=True))
    sure = [segment.confidence for segment in said if segment.confidence is not None]
    return replace(
        model,
        start=start,
        end=max(end, start + 1),
        instructions=tuple(dict.fromkeys(text for segment in said for text in segment.instructions)),
        confidence=fmean(sure) if sure else None,
        method=Revision.Method.MANUAL,
        engine="",
    )


def target_of(found: Timelines, row: Row) -> str:
    """The id of the row's segment in the first task: the first annotator's own, or one that is always the same."""
    ours = own_of(found, row)
    return ours.id if ours is not None else str(uuid.uuid5(_NAMESPACE, f"{found.first.pk} {row.key}"))


def own_of(found: Timelines, row: Row) -> WorkSegment | None:
    """The first annotator's segment of a row."""
    return row.segments[0] if found.tasks[0].pk == found.first.pk else None


def choice_now(found: Timelines, row: Row) -> str:
    """What stands in the row, as a choice; KEPT for a segment that none of the choices would make."""
    standing = found.standing.get(target_of(found, row))
    if standing is None:
        return NONE
    choices = [str(place) for place, segment in enumerate(row.segments) if segment is not None]
    for choice in (*choices, MERGED):
        made = chosen(found, row, choice)
        if made is not None and _content(made) == _content(standing):
            return choice
    return KEPT


def _demand(first: Task, by: User) -> None:
    if first.state != Task.State.SUBMITTED:
        raise ReviewRefused(
            f"Task {first.pk} is {first.get_state_display().lower()}; a timeline is decided on while it is in review."
        )
    if first.assignee_id == by.pk:
        raise ReviewRefused(f"Task {first.pk} is your own work; another person has to decide between the timelines.")


def _settled(wanted: list[WorkSegment], rules: Sequence[grammar.Rule]) -> tuple[list[WorkSegment], int]:
    """Small overlaps of neighbours of one level cut in the middle, and how many there were.

    Segments that the project's grammar lets overlap stay as they are.

    Raises:
        ReviewRefused: two segments of which one would lose half or more.
    """
    free = [rule.get("what", "") for rule in rules if rule["kind"] == "may_overlap"]
    found = [segment for segment in wanted if any(grammar.matches(segment, what) for what in free)]
    bound = [segment for segment in wanted if segment not in found]
    count = 0
    for level in timelines.LEVELS:
        row = sorted((segment for segment in bound if segment.level == level), key=lambda s: (s.start, s.end))
        for at in range(len(row) - 1):
            # `row` changes under way: what was cut is what the next one meets.
            before, after = row[at], row[at + 1]
            over = before.end - after.start
            if over <= 0:
                continue
            if over >= MOST_OVERLAP * min(before.end - before.start, after.end - after.start):
                raise ReviewRefused(
                    f"{_said(before)} and {_said(after)} lie over each other; choose one of the two, or take both from "
                    "one person."
                )
            middle = after.start + over // 2
            row[at], row[at + 1] = replace(before, end=middle), replace(after, start=middle)
            count += 1
        found += row
    return found, count


def _write(found: Timelines, wanted: Mapping[str, WorkSegment], settled: int, by: User) -> Outcome:
    standing = found.standing
    gone = [segment for id, segment in standing.items() if id not in wanted]
    changed = [
        segment for id, segment in wanted.items() if id not in standing or _content(standing[id]) != _content(segment)
    ]
    versions = {str(id): version for id, version in found.first.segments.values_list("pk", "version")}
    for deleted, several in ((True, gone), (False, changed)):
        for segment in several:
            segments.save(
                task=found.first,
                id=uuid.UUID(segment.id),
                base_version=versions.get(segment.id, 0),
                by=by,
                deleted=deleted,
                origin=Origin(method=Revision.Method(segment.method), engine=segment.engine),
                **_content(segment),
            )
    return Outcome(written=len(changed), removed=len(gone), settled=settled)


def _content(segment: WorkSegment) -> dict[str, Any]:
    """What a segment says: the arguments of `segments.save`."""
    return {each.name: getattr(segment, each.name) for each in fields(WorkSegment) if each.name not in _OWN}


def _said(segment: WorkSegment) -> str:
    return f"{segment.phase or segment.action or 'No class'} {frames_short(segment.start, segment.end)}"
