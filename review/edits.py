"""What people changed of what engines proposed, in one task: outlines and the ends of segments. [A7, R3]"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from django.db.models import Count

from annotation import edit_size
from annotation.models import Decision, Task
from annotation.work import Work, WorkMask, WorkSegment, WorkTrack

# Ends nearer than this to the proposal's are where the proposal put them: less than a frame at 60 a second.
SAME_S = 0.01


@dataclass(frozen=True)
class ObjectEdits:
    """One object's masks that began from proposals: how many were left, edited a little, mostly drawn anew.

    `worst` is the mask that keeps least of its proposal.
    """

    track: WorkTrack
    unchanged: int
    minor: int
    major: int
    worst: WorkMask


@dataclass(frozen=True)
class TaskEdits:
    """objects: those with an edited mask, the worst first. segments: those with a moved end, the farthest first.

    decided: proposals by verdict. as_proposed: objects and segments that were left as they came. shift: median distance
    of all ends from the proposals', seconds, None without one.
    """

    decided: dict[str, int]
    objects: list[ObjectEdits]
    segments: list[WorkSegment]
    as_proposed: int
    shift: float | None

    def __bool__(self) -> bool:
        return bool(self.decided or self.objects or self.segments or self.as_proposed)


def of(task: Task, work: Work) -> TaskEdits:
    """The edits of a task whose work is loaded: one query more."""
    verdicts = Decision.objects.filter(task=task).made().order_by().values_list("verdict").annotate(n=Count("*"))
    objects = _objects(work)
    began = [segment for segment in work.segments if segment.start_shift is not None]
    moved = sorted((each for each in began if _farthest(each) > SAME_S), key=_farthest, reverse=True)
    ends = [abs(shift) for each in began for shift in (each.start_shift, each.end_shift) if shift is not None]
    edited = [each for each in objects if each.minor or each.major]
    return TaskEdits(
        decided=dict(verdicts),
        objects=sorted(edited, key=lambda each: (-each.major, each.worst.edit_iou or 0.0)),
        segments=moved,
        as_proposed=len(objects) - len(edited) + len(began) - len(moved),
        shift=median(ends) if ends else None,
    )


def _objects(work: Work) -> list[ObjectEdits]:
    of_track: dict[str, list[WorkMask]] = defaultdict(list)
    for mask in work.masks:
        if mask.edit_iou is not None:
            of_track[mask.track_id].append(mask)
    return [_edits(track, of_track[track.id]) for track in work.tracks if track.id in of_track]


def _edits(track: WorkTrack, masks: Sequence[WorkMask]) -> ObjectEdits:
    unchanged = sum(mask.edit_iou == 1.0 for mask in masks)
    major = sum(edit_size.is_major(mask.edit_iou, mask.edit_boundary) for mask in masks)
    worst = min(masks, key=lambda mask: mask.edit_iou or 0.0)
    return ObjectEdits(track, unchanged, len(masks) - unchanged - major, major, worst)


def _farthest(segment: WorkSegment) -> float:
    return max(abs(segment.start_shift or 0.0), abs(segment.end_shift or 0.0))
