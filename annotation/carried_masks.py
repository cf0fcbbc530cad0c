"""Masks that were carried from a keyframe to many other frames are laid at once; a person's frame is never written."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from annotation.masks import shape_fields
from annotation.models import Mask, MaskRevision, Task, Track
from annotation.revisions import Origin, lock, touch

# A keyframe that was erased without saying that the object is outside says nothing, so it stands in nobody's way.
HUMAN = Q(head__outside=True) | Q(head__keyframe=True, head__deleted=False)


@dataclass
class Laid:
    """What `lay_carried` did.

    masks: ids of those written. before: (frame, id, version) of each before that, version 0 for a new one. skipped:
    frames that a person has drawn, or on which they said that the object is outside.
    """

    masks: list[uuid.UUID] = field(default_factory=list)
    before: list[tuple[int, uuid.UUID, int]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    task_version: int = 0


def human_frames(track: Track) -> dict[int, MaskRevision]:
    """The heads of a track's masks that a person stands for, by frame: keyframes, and where the object is outside."""
    found = Mask.objects.filter(HUMAN, track=track).select_related("head").order_by("frame")
    return {mask.frame: mask.head for mask in found if mask.head is not None}


@transaction.atomic
def lay_carried(
    *, task: Task, track: Track, counts: Mapping[int, str], by: User, origin: Origin, source: MaskRevision
) -> Laid:
    """Write masks on many frames of a track; hundreds of frames in a handful of statements.

    Args:
        counts: COCO RLE counts by frame; empty ones erase what stands there, if a machine made it.
        source: the keyframe that they were carried from.

    Raises:
        InvalidMask: counts that are not a mask of the clip's size; nothing is written then.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    laid = Laid(task_version=task.version)
    there = {mask.frame: mask for mask in Mask.objects.filter(track=track, frame__in=counts).select_related("head")}
    fields = origin.fields(task.project)
    fresh: list[Mask] = []
    revisions: list[MaskRevision] = []
    for frame in sorted(counts):
        mask = there.get(frame)
        if mask is not None and mask.head is not None:
            if mask.head.outside or (mask.head.keyframe and not mask.head.deleted):
                laid.skipped.append(frame)
                continue
            if (mask.head.counts, mask.head.method, mask.head.source_id) == (counts[frame], origin.method, source.pk):
                continue
        elif not counts[frame]:
            continue
        if mask is None:
            mask = Mask(task=task, track=track, frame=frame)
            fresh.append(mask)
        laid.before.append((frame, mask.pk, mask.version))
        laid.masks.append(mask.pk)
        mask.version += 1
        shape = shape_fields(counts[frame] or None, task.clip)
        revisions.append(
            MaskRevision(of=mask, number=mask.version, author=by, keyframe=False, source=source, **fields, **shape)
        )
    Mask.objects.bulk_create(fresh, batch_size=500)
    _add(revisions)
    if revisions:
        laid.task_version = touch(task)
    return laid


def revisions_at(versions: Mapping[str, int]) -> dict[str, MaskRevision]:
    """The revisions that certain versions of masks were, by the mask's id; version 0 was none."""
    rows = MaskRevision.objects.filter(of__in=list(versions), stale=False)
    return {str(row.of_id): row for row in rows if versions[str(row.of_id)] == row.number}


def _add(revisions: list[MaskRevision]) -> None:
    for revision in MaskRevision.objects.bulk_create(revisions, batch_size=500):
        revision.of.head = revision
    Mask.objects.bulk_update([revision.of for revision in revisions], ["head", "version"], batch_size=500)
