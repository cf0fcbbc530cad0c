"""Everybody's action segments on the same frames over each other, as they were submitted. [R2]

What the first task holds is what is delivered, and a reviewer may have changed it since; what each person submitted is
read from the revisions, so that agreement stays what people agreed on by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from django.db.models import F, Q

from annotation import clips
from annotation.geometry import timebase
from annotation.models import SegmentRevision, Task
from annotation.work import WorkSegment, load_segments, segment_value
from review import track_links
from review.agreement import FINISHED
from review.errors import NothingToCompare
from review.metrics import timelines
from review.metrics.actions import Span

LEVELS = tuple(SegmentRevision.Level.values)


@dataclass(frozen=True)
class Row:
    """Segments that are taken to be one thing: per person theirs, or None. `key` is the id of the first of them."""

    key: str
    level: str
    segments: tuple[WorkSegment | None, ...]

    @property
    def said(self) -> list[WorkSegment]:
        return [segment for segment in self.segments if segment is not None]


@dataclass(frozen=True)
class Timelines:
    """The finished tasks on the same frames, the first annotator's first, and what each person submitted.

    `result` is what stands in the first task now, and is delivered. `seconds` are the clip's frame times.
    """

    first: Task
    tasks: tuple[Task, ...]
    own: tuple[tuple[WorkSegment, ...], ...]
    result: tuple[WorkSegment, ...]
    seconds: timebase.Seconds

    @cached_property
    def levels(self) -> dict[str, timelines.Comparison]:
        """The figures by level, for levels on which anybody set a segment."""
        found = {}
        for level in LEVELS:
            sides = [[self._both(each) for each in own if each.level == level] for own in self.own]
            if any(sides):
                found[level] = timelines.compare(sides, start=self.first.start, end=self.first.end)
        return found

    @cached_property
    def standing(self) -> dict[str, WorkSegment]:
        """The result by id."""
        return {segment.id: segment for segment in self.result}

    @cached_property
    def own_tracks(self) -> frozenset[str]:
        """The first task's tracks that stand."""
        return frozenset(str(id) for id in self.first.tracks.filter(head__deleted=False).values_list("pk", flat=True))

    @cached_property
    def links(self) -> dict[str, str]:
        """The first task's track for each track that the others' segments name; those that it lacks are left out."""
        others = [
            each for one, own in zip(self.tasks, self.own, strict=True) if one.pk != self.first.pk for each in own
        ]
        return track_links.between(self.first, {id for each in others for id in (each.object, each.hand) if id})

    @cached_property
    def rows(self) -> list[Row]:
        """All segments side by side, level by level, in time."""
        found = []
        for level in LEVELS:
            sides = [[each for each in own if each.level == level] for own in self.own]
            for places in timelines.align([[self._both(each)[0] for each in side] for side in sides]):
                row = tuple(None if at is None else side[at] for side, at in zip(sides, places, strict=True))
                key = next(segment.id for segment in row if segment is not None)
                found.append(Row(key, level, row))
        return found

    def _both(self, segment: WorkSegment) -> tuple[Span, Span]:
        """A segment in seconds and in frames, under the name that people have to agree on."""
        name = name_of(segment)
        start, end = timebase.span(self.seconds, segment.start, segment.end)
        return Span(start, end, name), Span(segment.start, segment.end, name)


def name_of(segment: WorkSegment) -> tuple[str, str]:
    """What a segment is called: action class and phase."""
    return (segment.action, segment.phase)


def class_of(score: timelines.ClassScore) -> tuple[str, str]:
    """The action class and phase that a score is about, as `name_of` gave them."""
    return cast(tuple[str, str], score.name)


def of(task: Task) -> Timelines:
    """The timelines on a task's frames: the first annotator's and every second opinion's that is finished.

    Args:
        task: any of them.

    Raises:
        NothingToCompare: fewer than two are finished.
    """
    first = task.second_of or task
    rows = Task.objects.filter(Q(pk=first.pk) | Q(second_of=first)).select_related("clip", "project", "assignee")
    finished = sorted((one for one in rows if one.state in FINISHED), key=lambda one: (one.pk != first.pk, one.pk))
    if len(finished) < 2:
        raise NothingToCompare(
            f"{'One' if finished else 'None'} of {len(rows)} timelines on these frames is submitted; two are needed."
        )
    own = submitted(finished)
    return Timelines(
        first=next(one for one in rows if one.pk == first.pk),
        tasks=tuple(finished),
        own=tuple(tuple(own[one.pk]) for one in finished),
        result=tuple(load_segments(first)),
        seconds=clips.index(first.clip).seconds,
    )


def submitted(tasks: Sequence[Task]) -> dict[int, list[WorkSegment]]:
    """The segments of each task as they stood when it was last submitted, by start: one query."""
    written = (
        SegmentRevision.objects.filter(of__task__in=tasks, stale=False, created_at__lte=F("of__task__submitted_at"))
        .select_related("of", "action", "phase")
        .order_by("number")
    )
    last = {revision.of_id: revision for revision in written}
    found: dict[int, list[WorkSegment]] = defaultdict(list)
    for revision in sorted(last.values(), key=lambda each: (each.start, each.end)):
        if not revision.deleted:
            found[revision.of.task_id].append(segment_value(revision.of, revision))
    return found
