"""A task's work as plain values: what reviews, checks and deliveries read, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import CharField, F, IntegerField, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from annotation.geometry.rle import Rle
from annotation.models import (
    Mask,
    MaskRevision,
    Segment,
    SegmentRevision,
    Task,
    Track,
    TrackRevision,
)


@dataclass(frozen=True)
class WorkTrack:
    id: str
    number: int
    label: str
    rigidity: str
    z_order: int
    version: int
    revision_id: int


@dataclass(frozen=True)
class WorkMask:
    """One mask; `bbox` is (x, y, width, height) and `area` px². `amodal` are counts of the whole object, or empty."""

    id: str
    track_id: str
    frame: int
    rle: Rle
    area: int
    bbox: tuple[int, int, int, int]
    version: int
    revision_id: int
    method: str
    engine: str
    author: int
    occluded: bool
    outside: bool
    keyframe: bool
    amodal: str
    edit_iou: float | None
    edit_boundary: float | None


@dataclass(frozen=True)
class WorkSegment:
    """One action segment `[start, end)` in frames; object and hand are ids of tracks.

    start_shift and end_shift are seconds from the ends of the proposal that it began from, None without one.
    """

    id: str
    start: int
    end: int
    level: str
    action: str
    phase: str
    object: str | None
    object_name: str
    hand: str | None
    hand_side: str
    outcome: str
    instructions: tuple[str, ...]
    confidence: float | None
    version: int
    revision_id: int
    method: str
    engine: str
    author: int
    proposal_id: int | None
    start_shift: float | None
    end_shift: float | None


@dataclass(frozen=True)
class Work:
    """All that stands in a task now. Erased things are left out."""

    task_id: int
    clip_id: int
    start: int
    end: int
    frames: tuple[int, ...]
    tracks: tuple[WorkTrack, ...]
    masks: tuple[WorkMask, ...]
    segments: tuple[WorkSegment, ...]

    def masks_by_frame(self) -> dict[int, list[WorkMask]]:
        found: dict[int, list[WorkMask]] = defaultdict(list)
        for mask in self.masks:
            found[mask.frame].append(mask)
        return dict(found)

    def track(self, id: str) -> WorkTrack:
        return next(track for track in self.tracks if track.id == id)


def load(task: Task) -> Work:
    """The work of one task: three queries, however much there is."""
    return load_many([task])[task.pk]


def load_without_masks(task: Task) -> Work:
    """Tracks and segments alone, for those who read the masks in another form: two queries."""
    return load_many([task], masks=False)[task.pk]


def load_many(tasks: Sequence[Task], *, masks: bool = True) -> dict[int, Work]:
    """The work of several tasks by task id: three queries; without `masks` there are none in it."""
    ids = [task.pk for task in tasks]
    # Before the tracks, or a segment could name one that was drawn in between and would count as erased.
    segments = _segments(ids)
    tracks: dict[int, list[WorkTrack]] = defaultdict(list)
    for track in Track.objects.filter(task__in=ids, head__deleted=False).select_related("head__label"):
        assert track.head is not None  # noqa: S101  the filter above guarantees it
        tracks[track.task_id].append(track_value(track, track.head))
    drawn = _masks(ids) if masks else {}
    found = {}
    for task in tasks:
        # A track that was drawn between the two queries counts with its masks next time, not by half.
        known = {track.id for track in tracks[task.pk]}
        there = [mask for mask in drawn.get(task.pk, ()) if mask.track_id in known]
        found[task.pk] = _work(task, tracks[task.pk], there, segments[task.pk])
    return found


def load_outside(task: Task) -> list[WorkMask]:
    """Where people said that an object is not in the picture, which is all that sets them apart from erased masks."""
    said = Mask.objects.filter(task=task, head__outside=True, track__head__deleted=False).select_related("head")
    size = (task.clip.height, task.clip.width)
    return [mask_value(mask, mask.head, size) for mask in said.order_by("frame") if mask.head is not None]


def load_gone(task: Task) -> list[dict[str, Any]]:
    """What was erased, masks of erased tracks included: kind, id and version, by which it can be brought back."""
    erased = {
        "tracks": Track.objects.filter(task=task, head__deleted=True),
        "masks": Mask.objects.filter(Q(head__deleted=True) | Q(track__head__deleted=True), task=task),
        "segments": Segment.objects.filter(task=task, head__deleted=True),
    }
    return [
        {"kind": kind, "id": str(id), "version": version}
        for kind, things in erased.items()
        for id, version in things.values_list("pk", "version")
    ]


def load_frame(
    task: Task, frame: int, near: tuple[int, int, int, int] | None = None
) -> tuple[list[WorkMask], dict[str, WorkTrack]]:
    """The masks of one frame, and their tracks by id: one query.

    Args:
        near: a box (x, y, width, height) in pixels; masks whose boxes have nothing in common with it are left out.
    """
    size = (task.clip.height, task.clip.width)
    drawn = Mask.objects.drawn().filter(task=task, frame=frame).select_related("head", "track__head__label")
    if near is not None:
        x, y, width, height = near
        ends = drawn.annotate(right=F("head__x") + F("head__w"), bottom=F("head__y") + F("head__h"))
        drawn = ends.filter(head__x__lt=x + width, right__gt=x, head__y__lt=y + height, bottom__gt=y)
    masks, tracks = [], {}
    for mask in drawn:
        assert mask.head is not None and mask.track.head is not None  # noqa: S101, PT018  the filter guarantees it
        masks.append(mask_value(mask, mask.head, size))
        tracks[str(mask.track_id)] = track_value(mask.track, mask.track.head)
    return masks, tracks


# What an open page needs of every mask, as it stands in the database: for tens of thousands of masks, making Python's
# UUIDs and truths of it would take as long as everything else.
PAGE_COLUMNS: Final[dict[str, Combinable]] = {
    "id": Cast("id", CharField()),
    "frame": F("frame"),
    "counts": F("head__counts"),
    "version": F("version"),
    "method": F("head__method"),
    "engine": F("head__engine"),
    "occluded": Cast("head__occluded", IntegerField()),
    "outside": Cast("head__outside", IntegerField()),
    "keyframe": Cast("head__keyframe", IntegerField()),
    "amodal": F("head__amodal"),
    "edit_iou": F("head__edit_iou"),
    "edit_boundary": F("head__edit_boundary"),
}


def mask_rows(task: Task) -> dict[int, list[list[Any]]]:
    """Every mask of a task, and every place where one is said to be outside, by the number of its track: one query.

    Returns:
        For each track the rows of PAGE_COLUMNS; truths are 0 or 1.
    """
    stands = Mask.objects.drawn() | Mask.objects.filter(track__head__deleted=False, head__outside=True)
    by_track: dict[int, list[list[Any]]] = defaultdict(list)
    for number, id, *row in stands.filter(task=task).order_by().values_list("track__number", *PAGE_COLUMNS.values()):
        by_track[number].append([_dashed(id), *row])
    return by_track


def _dashed(id: str) -> str:
    """A UUID as JSON writes it; SQLite keeps its digits alone."""
    return id if "-" in id else f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"


def load_segments(task: Task) -> list[WorkSegment]:
    """The action segments alone, by start: one query."""
    return _segments([task.pk])[task.pk]


def load_segments_beside(task: Task, own: SegmentRevision) -> list[WorkSegment]:
    """A segment and those that can stand in its way: of its level where it is, and of the other one at its ends."""
    reached = Q(head__start__lt=own.end, head__end__gt=own.start)
    ends = [Q(head__start__lte=frame, head__end__gte=frame) for frame in (own.start, own.end)]
    return _segments([task.pk], reached & (Q(head__level=own.level) | ends[0] | ends[1]))[task.pk]


def _masks(task_ids: Sequence[int]) -> dict[int, list[WorkMask]]:
    found: dict[int, list[WorkMask]] = defaultdict(list)
    drawn = Mask.objects.drawn().filter(task__in=task_ids).order_by("frame", "track__number")
    # Tens of thousands of rows: as plain columns they cost a fifth of what they cost as objects.
    for task_id, height, width, *columns in drawn.values_list(
        "task_id", "task__clip__height", "task__clip__width", *_COLUMNS
    ):
        found[task_id].append(_mask_of(columns, (height, width)))
    return found


def _segments(task_ids: Sequence[int], which: Q | None = None) -> dict[int, list[WorkSegment]]:
    found: dict[int, list[WorkSegment]] = defaultdict(list)
    present = Segment.objects.drawn().filter(which or Q(), task__in=task_ids)
    present = present.select_related("head__action", "head__phase")
    for segment in present.order_by("head__start", "head__end"):
        assert segment.head is not None  # noqa: S101
        found[segment.task_id].append(segment_value(segment, segment.head))
    return found


# What `_mask_of` takes.
_COLUMNS: Final = (
    *("id", "track_id", "frame", "head__counts", "head__area", "head__x", "head__y", "head__w", "head__h"),
    *("head__number", "head_id", "head__method", "head__engine", "head__author_id", "head__occluded"),
    *("head__outside", "head__keyframe", "head__amodal", "head__edit_iou", "head__edit_boundary"),
)


def _mask_of(columns: Sequence[Any], size: tuple[int, int]) -> WorkMask:
    id, track, frame, counts, area, x, y, w, h, *others = columns
    rle = Rle(size=list(size), counts=counts)
    return WorkMask(str(id), str(track), frame, rle, area, (x, y, w, h), *others)


def track_value(track: Track, revision: TrackRevision) -> WorkTrack:
    return WorkTrack(
        id=str(track.pk),
        number=track.number,
        label=revision.label.key,
        rigidity=revision.label.rigidity,
        z_order=revision.z_order,
        version=revision.number,
        revision_id=revision.pk,
    )


def mask_value(mask: Mask, revision: MaskRevision, size: tuple[int, int]) -> WorkMask:
    """`size` is the clip's (height, width)."""
    return WorkMask(
        id=str(mask.pk),
        track_id=str(mask.track_id),
        frame=mask.frame,
        rle=Rle(size=list(size), counts=revision.counts),
        area=revision.area,
        bbox=revision.bbox,
        version=revision.number,
        revision_id=revision.pk,
        method=revision.method,
        engine=revision.engine,
        author=revision.author_id,
        occluded=revision.occluded,
        outside=revision.outside,
        keyframe=revision.keyframe,
        amodal=revision.amodal,
        edit_iou=revision.edit_iou,
        edit_boundary=revision.edit_boundary,
    )


def segment_value(segment: Segment, revision: SegmentRevision) -> WorkSegment:
    return WorkSegment(
        id=str(segment.pk),
        start=revision.start,
        end=revision.end,
        level=revision.level,
        action=revision.action.key if revision.action else "",
        phase=revision.phase.key if revision.phase else "",
        object=str(revision.object_id) if revision.object_id else None,
        object_name=revision.object_name,
        hand=str(revision.hand_id) if revision.hand_id else None,
        hand_side=revision.hand_side,
        outcome=revision.outcome,
        instructions=tuple(revision.instructions),
        confidence=revision.confidence,
        version=revision.number,
        revision_id=revision.pk,
        method=revision.method,
        engine=revision.engine,
        author=revision.author_id,
        proposal_id=revision.proposal_id,
        start_shift=revision.start_shift,
        end_shift=revision.end_shift,
    )


def _work(
    task: Task,
    tracks: Iterable[WorkTrack],
    masks: Iterable[WorkMask],
    segments: Iterable[WorkSegment],
) -> Work:
    return Work(
        task_id=task.pk,
        clip_id=task.clip_id,
        start=task.start,
        end=task.end,
        frames=tuple(task.frames),
        tracks=tuple(tracks),
        masks=tuple(masks),
        segments=tuple(segments),
    )
