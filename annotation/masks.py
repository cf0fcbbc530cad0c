"""Masks: every stroke becomes a revision of one mask."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction

from annotation import edit_size, proposal_masks
from annotation.errors import InvalidMask, Refused
from annotation.geometry import rle
from annotation.models import Clip, Decision, Mask, MaskRevision, Proposal, Task, Track
from annotation.models.revision import Revision
from annotation.revisions import Origin, Saved, append, lock
from annotation.spoken import frames_said


@transaction.atomic
def save(
    *,
    task: Task,
    id: uuid.UUID,
    track_id: uuid.UUID,
    frame: int,
    counts: str | None,
    base_version: int,
    by: User,
    occluded: bool = False,
    outside: bool = False,
    keyframe: bool | None = None,
    amodal: str = "",
    origin: Origin | None = None,
) -> Saved[MaskRevision]:
    """Write a mask; `counts` None erases it, version 0 makes it.

    Args:
        outside: with `counts` None, the object is not in the picture here.
        keyframe: whether masks are carried from here; None for what the method says, a person's frame is one.
        amodal: COCO RLE counts of the whole object, what is hidden included; empty where nobody outlined it. What is
            seen of the object is part of it, whether these counts say so or not.

    Two people who both made "the first" mask of a track on a frame made the same mask: the second save is stale.

    Raises:
        Refused: the frame is not of this task, the ids belong elsewhere, or the object is outside and has pixels.
        InvalidMask: counts that are not a mask of the clip's size.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    if not task.start <= frame < task.end:
        raise Refused(f"Frame {frame} is not in task {task.pk}, which has {frames_said(task.start, task.end)}.")
    if outside and (counts or amodal):
        raise Refused(f"Mask {id} has pixels and can't be outside of the picture; send one of the two.")
    track = Track.objects.filter(pk=track_id, task=task).first()
    if track is None:
        raise Refused(f"Task {task.pk} has no track {track_id}; save the track before its masks.")
    mask = _find(id=id, task=task, track=track, frame=frame)
    origin = origin or Origin()
    proposal = origin.proposal or (mask.head.proposal if mask.head else None)
    fields = origin.fields(task.project) | {"proposal": proposal}
    revision = MaskRevision(
        of=mask,
        author=by,
        occluded=occluded,
        outside=outside,
        keyframe=origin.method in Revision.BY_HAND if keyframe is None else keyframe,
        amodal=_whole(amodal, counts, task.clip),
        **fields,
        **shape_fields(counts, task.clip),
    )
    if proposal is not None and counts and (proposed := proposal_masks.on_frame(proposal, frame)):
        mine = rle.Rle(size=[task.clip.height, task.clip.width], counts=counts)
        revision.edit_iou, revision.edit_boundary = edit_size.measure(mine, proposed)
    saved = append(thing=mask, revision=revision, base_version=base_version, task=task)
    if proposal is not None and not saved.stale and revision.edit_iou != 1.0:
        Decision.objects.update_or_create(
            task=task,
            proposal=proposal,
            defaults={"verdict": Decision.Verdict.ADJUSTED, "track": track, "by": by},
        )
    return saved


@transaction.atomic
def lay(*, task: Task, track: Track, counts: Mapping[int, str], by: User, origin: Origin) -> None:
    """First masks of a new track on many frames at once: hundreds of frames in four statements.

    Args:
        counts: COCO RLE counts by frame; the track must have no mask on any of them.

    Raises:
        InvalidMask: counts that are not a mask of the clip's size; nothing is written then.
    """
    fields = origin.fields(task.project)
    unchanged = {"edit_iou": 1.0, "edit_boundary": 0.0} if origin.proposal else {}
    masks = {frame: Mask(task=task, track=track, frame=frame, version=1) for frame in sorted(counts)}
    revisions = [
        MaskRevision(
            of=masks[frame], number=1, author=by, **unchanged, **fields, **shape_fields(counts[frame], task.clip)
        )
        for frame in masks
    ]
    Mask.objects.bulk_create(masks.values(), batch_size=500)
    for revision in MaskRevision.objects.bulk_create(revisions, batch_size=500):
        revision.of.head = revision
    Mask.objects.bulk_update([revision.of for revision in revisions], ["head"], batch_size=500)


def shape_fields(counts: str | None, clip: Clip) -> dict[str, object]:
    """The columns of a revision that hold the mask; none or an empty mask is a deletion.

    Raises:
        InvalidMask: with the sentence that says what is wrong with the counts.
    """
    if counts is None:
        return {"deleted": True}
    checked = rle.Rle(size=[clip.height, clip.width], counts=_checked_counts(counts, clip))
    area = rle.area(checked)
    if not area:
        return {"deleted": True}
    x, y, w, h = rle.bbox(checked)
    return {"counts": counts, "area": area, "x": x, "y": y, "w": w, "h": h}


def _checked_counts(counts: str, clip: Clip) -> str:
    """The counts, if they are a mask of the clip's size.

    Raises:
        InvalidMask: with the sentence that says what is wrong with them.
    """
    size = {"size": [clip.height, clip.width], "counts": counts}
    try:
        return rle.validate(size, height=clip.height, width=clip.width)["counts"]
    except rle.RleError as error:
        raise InvalidMask(str(error)) from error


def _whole(amodal: str, counts: str | None, clip: Clip) -> str:
    """The counts of the whole object, with all that is seen of it.

    Raises:
        InvalidMask: with the sentence that says what is wrong with the counts.
    """
    if not amodal:
        return ""
    size = [clip.height, clip.width]
    whole = rle.decode(rle.Rle(size=size, counts=_checked_counts(amodal, clip)))
    seen = rle.decode(rle.Rle(size=size, counts=_checked_counts(counts, clip))) if counts else whole
    return amodal if not (seen & ~whole).any() else rle.encode(whole | seen)["counts"]


def decided_track(task: Task, proposal: Proposal) -> Track | None:
    """The track that already stands for a proposal in this task."""
    decision = Decision.objects.select_related("track__head").filter(task=task, proposal=proposal).first()
    return decision.track if decision else None


def _find(*, id: uuid.UUID, task: Task, track: Track, frame: int) -> Mask:
    mask = Mask.objects.select_related("head__proposal__clip").filter(pk=id).first()
    if mask is not None:
        if mask.task_id != task.pk or mask.track_id != track.pk or mask.frame != frame:
            raise Refused(f"Mask {id} is on another track or frame; make a new id for a new mask.")
        return mask
    placed = Mask.objects.select_related("head__proposal__clip").filter(track=track, frame=frame).first()
    return placed or Mask.objects.create(pk=id, task=task, track=track, frame=frame)
