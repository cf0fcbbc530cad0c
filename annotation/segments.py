"""Action segments: boundaries, class, phase and instructions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from annotation import clips
from annotation.errors import Refused
from annotation.models import (
    ActionClass,
    Decision,
    Phase,
    Project,
    Proposal,
    Segment,
    SegmentRevision,
    Task,
    Track,
)
from annotation.revisions import Origin, Saved, append, lock
from annotation.spoken import frames_said


@transaction.atomic
def save(
    *,
    task: Task,
    id: uuid.UUID,
    base_version: int,
    by: User,
    start: int,
    end: int,
    level: str = SegmentRevision.Level.PRIMITIVE,
    action: str = "",
    phase: str = "",
    object: uuid.UUID | None = None,
    object_name: str = "",
    hand: uuid.UUID | None = None,
    hand_side: str = "",
    outcome: str = "",
    instructions: Sequence[str] = (),
    confidence: float | None = None,
    deleted: bool = False,
    origin: Origin | None = None,
) -> Saved[SegmentRevision]:
    """Write a segment `[start, end)`; version 0 makes it.

    Args:
        object: the track of what is acted on; hand: the track of what acts. object_name is what people call it.

    Raises:
        Refused: frames outside the task, an unknown class, phase or track, or an id of another task.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    if not start < end:
        raise Refused(f"A segment that starts at frame {start} and has ended at frame {end} holds none.")
    if not task.start <= start < end <= task.end:
        has = frames_said(task.start, task.end)
        raise Refused(f"A segment on {frames_said(start, end)} does not lie inside task {task.pk}, which has {has}.")
    segment = Segment.objects.select_related("head__proposal").filter(pk=id).first()
    if segment is None:
        segment = Segment.objects.create(pk=id, task=task)
    elif segment.task_id != task.pk:
        raise Refused(f"Segment {id} belongs to task {segment.task_id}, not to task {task.pk}.")
    origin = origin or Origin()
    proposal = origin.proposal or (segment.head.proposal if segment.head else None)
    revision = SegmentRevision(
        of=segment,
        author=by,
        start=start,
        end=end,
        level=level,
        action=action_in(task.project, action),
        phase=phase_in(task.project, phase),
        object=_track(task, object, "object"),
        object_name=" ".join(object_name.split()),
        hand=_track(task, hand, "hand"),
        hand_side=hand_side,
        outcome=outcome,
        instructions=[text.strip() for text in instructions],
        confidence=confidence,
        deleted=deleted,
        **(origin.fields(task.project) | {"proposal": proposal}),
    )
    if proposal is not None:
        revision.start_shift = _seconds_between(task, proposal.start, start)
        revision.end_shift = _seconds_between(task, proposal.end, end)
    saved = append(thing=segment, revision=revision, base_version=base_version, task=task)
    if proposal is not None and not saved.stale:
        _decide(task=task, proposal=proposal, segment=segment, revision=revision, by=by)
    return saved


def content_of(revision: SegmentRevision) -> dict[str, Any]:
    """What `save` would have to be given to write this again."""
    return {
        "start": revision.start,
        "end": revision.end,
        "level": revision.level,
        "action": revision.action.key if revision.action else "",
        "phase": revision.phase.key if revision.phase else "",
        "object": revision.object_id,
        "object_name": revision.object_name,
        "hand": revision.hand_id,
        "hand_side": revision.hand_side,
        "outcome": revision.outcome,
        "instructions": revision.instructions,
        "confidence": revision.confidence,
    }


def action_in(project: Project, key: str) -> ActionClass | None:
    """The action class of that key, None for no key.

    Raises:
        Refused: the taxonomy has no such class.
    """
    if not key:
        return None
    found = ActionClass.objects.filter(project=project, key=key).first()
    if found is None:
        known = ", ".join(ActionClass.objects.filter(project=project, retired=False).values_list("key", flat=True))
        raise Refused(f"{project.name} has no action class {key!r}; choose one of {known}.")
    return found


def phase_in(project: Project, key: str) -> Phase | None:
    """The phase of that key, None for no key.

    Raises:
        Refused: the taxonomy has no such phase.
    """
    if not key:
        return None
    found = Phase.objects.filter(project=project, key=key).first()
    if found is None:
        known = ", ".join(Phase.objects.filter(project=project, retired=False).values_list("key", flat=True))
        raise Refused(f"{project.name} has no phase {key!r}; choose one of {known}.")
    return found


def _track(task: Task, id: uuid.UUID | None, role: str) -> Track | None:
    if id is None:
        return None
    found = Track.objects.filter(pk=id, task=task).first()
    if found is None:
        raise Refused(f"Task {task.pk} has no track {id} to be the {role} of a segment; draw it first, or name none.")
    return found


def _seconds_between(task: Task, before: int, after: int) -> float:
    """How far a boundary moved, in seconds; the end of the last frame counts as a boundary too."""
    last = task.clip.frame_count - 1
    times = [
        clips.seconds(task.clip, min(frame, last)) + (task.clip.fps**-1 if frame > last else 0.0)
        for frame in (before, after)
    ]
    return times[1] - times[0]


def _decide(
    *,
    task: Task,
    proposal: Proposal,
    segment: Segment,
    revision: SegmentRevision,
    by: User,
) -> None:
    moved = (revision.start, revision.end) != (proposal.start, proposal.end)
    renamed = (revision.action.key if revision.action else "") != proposal.label
    if revision.deleted:
        verdict = Decision.Verdict.REJECTED
    else:
        verdict = Decision.Verdict.ADJUSTED if moved or renamed else Decision.Verdict.ACCEPTED
    Decision.objects.update_or_create(
        task=task,
        proposal=proposal,
        defaults={"verdict": verdict, "segment": segment, "by": by},
    )
