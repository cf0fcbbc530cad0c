"""Tier 1: what can be said of work the moment it is saved, without another person or a model. [R1]

An error stands in the way of submitting; a warning is for the annotator to judge.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from annotation import clips, dictionary, grammar, wording
from annotation.geometry import rle, shape
from annotation.known import Known
from annotation.models import Label, Task
from annotation.models.revision import Revision
from annotation.spoken import frames_said
from annotation.work import Work, WorkMask, WorkSegment, WorkTrack, load, load_outside

# Parts of a mask below this many pixels are left-overs of the brush more often than parts of the object.
SPECK = 16
NARROW_SHARE = 0.05
# Outlines of neighbours cross by a pixel here and there; more than this share of the smaller one is no accident.
OVERLAP_SHARE = 0.02


@dataclass(frozen=True)
class Remark:
    """One thing to look at; the ids say where to jump."""

    severity: str  # "error" or "warning"
    message: str
    frame: int | None = None
    track: str | None = None
    mask: str | None = None
    segment: str | None = None
    at: tuple[int, int] | None = None  # pixel of the picture to look at
    end: int | None = None  # frame after what it is about
    rule: str | None = None  # of the grammar, which the page checks by itself too
    instruction: int | None = None  # which of the segment's, from 0
    word: str | None = None  # that is not known
    meant: str | None = None  # instead of it, perhaps
    places: tuple[tuple[int, int], ...] = ()  # further ones


@dataclass(frozen=True)
class _Looks:
    """What the checks measure of one mask: its shape, and where it is narrower than its label wants, in the picture."""

    shape: shape.Shape
    narrow_area: int
    narrow: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Shared:
    """Pixels that two masks have in common, and one in the middle of them."""

    area: int
    at: tuple[int, int]


# Keyed by the masks' contents, so that nothing can make them untrue. Three tasks of 100 tracks and 300 frames.
_looks: Known[tuple[object, ...], _Looks] = Known(100_000)
_shared: Known[tuple[object, ...], _Shared] = Known(100_000)


def check_task(task: Task) -> list[Remark]:
    """Every remark on a task's work, errors first.

    Shapes are measured where people look: on the task's frames and wherever a person drew. An untouched proposal on
    a frame between is judged by its stored area alone.
    """
    work = load(task)
    labels = {label.key: label for label in Label.objects.filter(project_id=task.project_id)}
    tracks = {track.id: track for track in work.tracks}
    remarks: list[Remark] = []
    looked_at = set(work.frames)
    for mask in work.masks:
        track = tracks[mask.track_id]
        if mask.frame in looked_at or mask.method in Revision.BY_HAND:
            remarks += check_mask(mask, track, labels[track.label])
        elif mask.area < labels[track.label].min_area:
            remarks.append(_too_small(mask, track, labels[track.label]))
    remarks += check_overlaps(work, tracks)
    remarks += check_completeness(work, labels.values())
    remarks += check_gaps(work, load_outside(task))
    remarks += check_segments(task, work.segments, tracks)
    return sorted(
        remarks,
        key=lambda remark: (
            remark.severity,
            -1 if remark.frame is None else remark.frame,
        ),
    )


def check_mask(mask: WorkMask, track: WorkTrack, label: Label) -> list[Remark]:
    """Area, width, holes and specks of one mask against its label's rules."""
    name = f"Mask {track.number}"
    found: list[Remark] = []

    def remark(severity: str, message: str, at: tuple[int, int] | None = None) -> None:
        found.append(Remark(severity, message, frame=mask.frame, track=track.id, mask=mask.id, at=at))

    if label.retired:
        message = f"{name} has the label {label.key}, which the taxonomy no longer uses; choose another."
        remark("error", message)
    if mask.area < label.min_area:
        return [*found, _too_small(mask, track, label)]
    x, y, _, _ = mask.bbox
    looks = _looks.of((_content(mask), label.min_width), lambda: _look(mask, label.min_width))
    measured, thin = looks.shape, looks.narrow
    if measured.widest + 0.5 < label.min_width:
        message = f"{name} is {measured.widest:.0f} px wide; {label.key} needs {label.min_width} px or more."
        found.append(Remark("error", message, mask.frame, track.id, mask.id, at=_first(thin), places=thin[1:]))
    elif looks.narrow_area > NARROW_SHARE * mask.area:
        where = f"in {len(thin)} places" if len(thin) > 1 else "in one place"
        message = f"{name} is narrower than {label.min_width} px {where} ({looks.narrow_area} px of it)."
        found.append(Remark("warning", message, mask.frame, track.id, mask.id, at=_first(thin), places=thin[1:]))
    if measured.speck_at:
        message = f"{name} has {measured.specks} speck{'s' * (measured.specks > 1)} of less than {SPECK} px."
        remark("warning", message, (x + measured.speck_at[0], y + measured.speck_at[1]))
    if measured.hole_at:
        message = f"{name} has {measured.holes} hole{'s' * (measured.holes > 1)} ({measured.hole_area} px)."
        remark("warning", message, (x + measured.hole_at[0], y + measured.hole_at[1]))
    return found


def check_overlaps(work: Work, tracks: Mapping[str, WorkTrack]) -> list[Remark]:
    """Masks of the task's frames, and of those that a person drew, that lie over each other."""
    looked_at = set(work.frames) | {mask.frame for mask in work.masks if mask.method in Revision.BY_HAND}
    by_frame = work.masks_by_frame()
    found = []
    for frame in sorted(looked_at & by_frame.keys()):
        masks = by_frame[frame]
        boxes = np.array([mask.bbox for mask in masks])
        for place, mask in enumerate(masks):
            later = place + 1 + np.flatnonzero(_touching(boxes[place], boxes[place + 1 :]))
            found += _overlaps_with(mask, [masks[other] for other in later], tracks)
    return found


def check_overlaps_of(mask: WorkMask, others: Sequence[WorkMask], tracks: Mapping[str, WorkTrack]) -> list[Remark]:
    """What lies under or over one mask: the others of its frame, of which few are near it."""
    if not others:
        return []
    near = np.flatnonzero(_touching(np.array(mask.bbox), np.array([other.bbox for other in others])))
    return _overlaps_with(mask, [others[place] for place in near], tracks)


def check_gaps(work: Work, outside: Sequence[WorkMask]) -> list[Remark]:
    """Frames of the task on which an object is missing though it was there before and is there again."""
    drawn: dict[str, set[int]] = defaultdict(set)
    left: dict[str, set[int]] = defaultdict(set)
    for mask in work.masks:
        drawn[mask.track_id].add(mask.frame)
    for mask in outside:
        left[mask.track_id].add(mask.frame)
    found = []
    for track in work.tracks:
        frames, said = sorted(drawn[track.id]), sorted(drawn[track.id] | left[track.id])
        for frame in work.frames:
            if frame in drawn[track.id]:
                continue
            earlier, later = bisect(said, frame), bisect(frames, frame)
            if not earlier or later == len(frames) or said[earlier - 1] in left[track.id]:
                continue
            before, after = said[earlier - 1], frames[later]
            message = (
                f"Object {track.number} has a mask on frame {before} and on frame {after}, but none on {frame}; "
                "draw it, carry it there, or say that it is outside."
            )
            found.append(Remark("warning", message, frame=frame, track=track.id))
    return found


def check_completeness(work: Work, labels: Iterable[Label]) -> list[Remark]:
    """Frames of the task with nothing on them, or without a label that every frame must carry."""
    on_frame: dict[int, set[str]] = defaultdict(set)
    label_of = {track.id: track.label for track in work.tracks}
    for mask in work.masks:
        on_frame[mask.frame].add(label_of[mask.track_id])
    required = [label.key for label in labels if label.required and not label.retired]
    remarks = []
    if not work.masks and not work.segments:
        remarks.append(
            Remark(
                "error",
                f"Task {work.task_id} is empty; draw a mask or a segment before you submit it.",
            )
        )
    for frame in work.frames:
        if not on_frame[frame]:
            remarks.append(
                Remark(
                    "warning",
                    f"Frame {frame} has no mask; is there nothing on it?",
                    frame=frame,
                )
            )
        for key in required:
            if on_frame[frame] and key not in on_frame[frame]:
                remarks.append(Remark("warning", f"Frame {frame} has no {key}.", frame=frame))
    return remarks


def check_segments(
    task: Task, segments: Sequence[WorkSegment], tracks: Iterable[str], *, read: Collection[str] | None = None
) -> list[Remark]:
    """What the grammar and the wording of action segments leave to be said.

    Args:
        tracks: ids of the tracks that stand.
        read: ids of the segments whose words are looked at, None for all of them: it takes longer than all the rest.
    """
    project = task.project
    found = [
        Remark(each.severity, each.message, frame=each.start, end=each.end, segment=each.segment, rule=each.rule)
        for each in grammar.broken(segments, project.grammar, lambda frame: clips.seconds(task.clip, frame))
    ]
    standing = set(tracks)
    known: set[str] | None = None
    for segment in segments:
        found += _links(segment, standing)
        if read is None or segment.id in read:
            if known is None:
                known = dictionary.known_words(project)
            found += check_wording(segment, language=project.language, known=known)
    return found


def check_wording(segment: WorkSegment, *, language: str, known: Collection[str]) -> list[Remark]:
    """Instructions that are nearly the same, and words that no dictionary has; each says which instruction it is."""
    found = []
    about: dict[str, Any] = {"frame": segment.start, "end": segment.end, "segment": segment.id}
    for copy in wording.near_copies(segment.instructions):
        message = (
            f"Instructions {copy.first + 1} and {copy.second + 1} are nearly the same ({copy.alike:.0f} % alike); "
            "say one of them in other words."
        )
        found.append(Remark("error", message, instruction=copy.second, **about))
    own = {*known, *wording.words_of([segment.object_name])} if segment.object_name else known
    for each in wording.misspellings(segment.instructions, language=language, known=own):
        perhaps = f"; is it {each.meant}?" if each.meant else "; correct it, or add it to the project's words."
        message = f"Instruction {each.instruction + 1} has the word {each.word}, which no dictionary knows{perhaps}"
        found.append(
            Remark("warning", message, instruction=each.instruction, word=each.word, meant=each.meant or None, **about)
        )
    return found


def _links(segment: WorkSegment, standing: Collection[str]) -> list[Remark]:
    where = frames_said(segment.start, segment.end)
    return [
        Remark(
            "error",
            f"The {role} of the segment on {where} was erased; choose another.",
            frame=segment.start,
            segment=segment.id,
        )
        for role, track in (("object", segment.object), ("hand", segment.hand))
        if track is not None and track not in standing
    ]


def _content(mask: WorkMask) -> tuple[object, ...]:
    """Stands for the pixels of a mask, at a length that does not grow with them."""
    return hash(mask.rle["counts"]), len(mask.rle["counts"]), mask.area, mask.bbox


def _look(mask: WorkMask, min_width: int) -> _Looks:
    x, y, _, _ = mask.bbox
    inside = rle.decode_box(mask.rle, mask.bbox)
    measured = shape.measure(inside, speck_below=SPECK, narrow_share=None)
    area, places = shape.narrow_places(inside, min_width, least=SPECK) if min_width > 1 else (0, [])
    return _Looks(measured, area, tuple((x + left, y + top) for left, top in places))


def _first(places: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    return places[0] if places else None


def _touching(box: npt.NDArray[np.int64], boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(n,) bool: which of the (n, 4) boxes (x, y, width, height) share pixels with one."""
    apart = (boxes[:, :2] >= box[:2] + box[2:]) | (boxes[:, :2] + boxes[:, 2:] <= box[:2])
    return ~np.asarray(apart.any(axis=1))


def _overlaps_with(mask: WorkMask, others: Iterable[WorkMask], tracks: Mapping[str, WorkTrack]) -> list[Remark]:
    found = []
    for other in others:
        first, second = sorted((mask, other), key=lambda each: tracks[each.track_id].number)
        shared = _shared.of((_content(first), _content(second)), partial(_share, first, second))
        if shared.area <= max(SPECK, OVERLAP_SHARE * min(mask.area, other.area)):
            continue
        numbers = f"{tracks[first.track_id].number} and {tracks[second.track_id].number}"
        message = f"Masks {numbers} overlap by {shared.area} px; a pixel belongs to what is in front."
        found.append(Remark("warning", message, frame=mask.frame, track=mask.track_id, mask=mask.id, at=shared.at))
    return found


def _share(mask: WorkMask, other: WorkMask) -> _Shared:
    """Only where their boxes overlap is anything decoded."""
    x, y = max(mask.bbox[0], other.bbox[0]), max(mask.bbox[1], other.bbox[1])
    right = min(mask.bbox[0] + mask.bbox[2], other.bbox[0] + other.bbox[2])
    bottom = min(mask.bbox[1] + mask.bbox[3], other.bbox[1] + other.bbox[3])
    box = (x, y, right - x, bottom - y)
    rows, columns = np.nonzero(rle.decode_box(mask.rle, box) & rle.decode_box(other.rle, box))
    if not rows.size:
        return _Shared(0, (x, y))
    middle = rows.size // 2
    return _Shared(rows.size, (x + int(columns[middle]), y + int(rows[middle])))


def _too_small(mask: WorkMask, track: WorkTrack, label: Label) -> Remark:
    message = f"Mask {track.number} has {mask.area} px; {label.key} needs {label.min_area} or more."
    return Remark("error", message, frame=mask.frame, track=track.id, mask=mask.id)
