"""Agreement of two annotators on the same frames: computed once both have submitted, kept, read by pages. [R2]"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation import clips, history
from annotation.events import announce_change
from annotation.geometry import timebase
from annotation.models import Label, SegmentRevision, Task
from annotation.models.revision import Revision
from annotation.work import Work, WorkMask, WorkSegment, load_many
from review.errors import NothingToCompare
from review.metrics import actions
from review.metrics import agreement as masks
from review.models import Agreement, LabelAgreement

FINISHED = (Task.State.SUBMITTED, Task.State.ACCEPTED)
PRIMITIVE = SegmentRevision.Level.PRIMITIVE


def pair_of(task: Task) -> tuple[Task, Task] | None:
    """The first and the second task on the same frames, whichever of the two was given; None without a second."""
    if task.second_of is not None:
        return task.second_of, task
    # Of several opinions on the masks the earliest counts; timelines.py compares everybody's segments.
    second = task.seconds.select_related("clip", "project", "assignee").order_by("pk").first()
    return (task, second) if second else None


def latest(task: Task) -> Agreement | None:
    """The newest comparison of the task's pair, with its labels; None when there is none yet."""
    pair = pair_of(task)
    return _stored().filter(task=pair[0], second=pair[1]).first() if pair else None


def awaiting() -> QuerySet[Task]:
    """Second tasks whose pair is finished and was not compared since the later of the two was submitted."""
    finished = Task.objects.filter(second_of__isnull=False, state__in=FINISHED, second_of__state__in=FINISHED)
    since = Agreement.objects.filter(
        Q(computed_at__gte=OuterRef("submitted_at")),
        Q(computed_at__gte=OuterRef("second_of__submitted_at")),
        second=OuterRef("pk"),
    )
    return finished.filter(~Exists(since))


@transaction.atomic
def compare(*, task: Task) -> Agreement:
    """Compare the work of a pair as it stands now; the same work is compared once.

    Raises:
        NothingToCompare: there is no second task, or one of the two is not finished.
    """
    pair = pair_of(task)
    if pair is None:
        raise NothingToCompare(f"Task {task.pk} has no second opinion; ask for one first.")
    # Two comparisons of one pair wait for each other here, so that only one of them is the first.
    rows = Task.objects.select_for_update(of=("self",)).select_related("clip", "project")
    first, second = (rows.get(pk=one.pk) for one in pair)
    for one in (first, second):
        if one.state not in FINISHED:
            raise NothingToCompare(f"Task {one.pk} is {one.get_state_display().lower()}; both have to be submitted.")
    works = load_many([first, second])
    work, other = works[first.pk], works[second.pk]
    key = _fingerprint(work, other)
    known = _stored().filter(task=first, second=second, fingerprint=key).first()
    if known is not None:
        known.save(update_fields=["computed_at"])
        return known
    return _store(first, second, work, other, key)


def frames_to_compare(work: Work, other: Work) -> list[int]:
    """The frames that both had to do, and those on which both drew by hand of their own accord."""
    by_hand = [{mask.frame for mask in one.masks if mask.method in Revision.BY_HAND} for one in (work, other)]
    return sorted(set(work.frames) | set(other.frames) | (by_hand[0] & by_hand[1]))


def labelled(work: Work, frame: int) -> list[masks.LabelledMask]:
    """What was drawn on one frame."""
    return _labelled(work, work.masks_by_frame().get(frame, []))


def _store(first: Task, second: Task, work: Work, other: Work, key: str) -> Agreement:
    frames = list(_frames(work, other))
    spans, segments = _segments(first, work, other)
    scores = masks.per_label(frames)
    things = sum(len(frame.pairs) + len(frame.only_a) + len(frame.only_b) for frame in frames)
    pairs = [pair for frame in frames for pair in frame.pairs if not pair.confused]
    stored = Agreement.objects.create(
        project=first.project,
        task=first,
        second=second,
        fingerprint=key,
        first=not Agreement.objects.filter(task=first, second=second).exists(),
        mean_iou=sum(pair.iou for pair in pairs) / things if things else None,
        boundary_px=masks.mean([pair.boundary_px for pair in pairs if pair.boundary_px is not None]),
        frames=[_frame_body(frame) for frame in frames],
        segments=segments,
        **spans,
    )
    labels = {label.key: label for label in Label.objects.filter(project=first.project)}
    LabelAgreement.objects.bulk_create(
        LabelAgreement(agreement=stored, label=labels[score.label], **_columns(score)) for score in scores
    )
    history.record(project=first.project, actor=None, verb="compared", subject=first, second=second.pk)
    announce_change(project_id=first.project_id, kind="task", object_id=first.pk)
    return _stored().get(pk=stored.pk)


def _stored() -> QuerySet[Agreement]:
    return Agreement.objects.select_related("task__assignee", "second__assignee").prefetch_related("labels__label")


def _frames(work: Work, other: Work) -> Iterator[masks.FrameAgreement]:
    drawn, drawn_other = work.masks_by_frame(), other.masks_by_frame()
    for frame in frames_to_compare(work, other):
        a, b = _labelled(work, drawn.get(frame, [])), _labelled(other, drawn_other.get(frame, []))
        yield masks.compare_frame(frame, a, b)


def _labelled(work: Work, drawn: list[WorkMask]) -> list[masks.LabelledMask]:
    tracks = {track.id: track for track in work.tracks}
    return [
        masks.LabelledMask(label=tracks[mask.track_id].label, number=tracks[mask.track_id].number, rle=mask.rle)
        for mask in drawn
    ]


def _segments(task: Task, work: Work, other: Work) -> tuple[dict[str, float | None], list[dict[str, Any]]]:
    """The figures of the action segments, in seconds, and the pairs for the page, in frames."""
    seconds = clips.index(task.clip).seconds
    a, b = ([_span(segment, seconds) for segment in one.segments] for one in (work, other))
    matching = actions.match_spans(a, b)
    names, names_other = (
        actions.names_by_frame(
            [actions.Span(s.start, s.end, _name(s)) for s in one.segments if s.level == PRIMITIVE],
            start=task.start,
            end=task.end,
        )
        for one in (work, other)
    )
    said_anything = any(name is not None for name in (*names, *names_other))
    figures = {
        "temporal_iou": actions.mean_temporal_iou(matching),
        "boundary_error_s": actions.mean_boundary_error(a, b, matching),
        "segment_f1": actions.f1_at(a, b, overlap=0.5),
        "kappa": actions.cohen_kappa(names, names_other) if said_anything else None,
    }
    bodies = [
        {"a": _segment_body(work.segments[i]), "b": _segment_body(other.segments[j]), "temporal_iou": overlap}
        for i, j, overlap in matching.pairs
    ]
    bodies += [{"a": _segment_body(work.segments[i]), "b": None, "temporal_iou": 0.0} for i in matching.only_a]
    bodies += [{"a": None, "b": _segment_body(other.segments[j]), "temporal_iou": 0.0} for j in matching.only_b]
    return figures, sorted(bodies, key=lambda body: (body["a"] or body["b"])["start"])


def _span(segment: WorkSegment, seconds: timebase.Seconds) -> actions.Span:
    start, end = timebase.span(seconds, segment.start, segment.end)
    return actions.Span(start, end, (segment.level, *_name(segment)))


def _name(segment: WorkSegment) -> tuple[str, str]:
    return (segment.action, segment.phase)


def _segment_body(segment: WorkSegment) -> dict[str, Any]:
    return {name: getattr(segment, name) for name in ("start", "end", "level", "action", "phase")}


def _frame_body(frame: masks.FrameAgreement) -> dict[str, Any]:
    alone = {
        side: [{"label": mask.label, "number": mask.number} for mask in drawn]
        for side, drawn in (("only_a", frame.only_a), ("only_b", frame.only_b))
    }
    pairs = [asdict(pair) | {"confused": pair.confused, "low": pair.low} for pair in frame.pairs]
    return {"frame": frame.frame, "iou": frame.iou, "pairs": pairs, **alone}


def _columns(score: masks.LabelScore) -> dict[str, Any]:
    return {name: value for name, value in asdict(score).items() if name != "label"}


def _fingerprint(work: Work, other: Work) -> str:
    said = [
        [frames_to_compare(work, other)],
        *(
            sorted(thing.revision_id for thing in things)
            for one in (work, other)
            for things in (one.tracks, one.masks, one.segments)
        ),
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()
