"""Tracks: made, relabelled, reordered, erased and brought back."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotation.errors import Refused
from annotation.models import Label, Project, Task, Track, TrackRevision
from annotation.revisions import Origin, Saved, append, lock


def label_in(project: Project, key: str) -> Label:
    """The label of that key.

    Raises:
        Refused: the taxonomy has no such label, or it is retired.
    """
    label = Label.objects.filter(project=project, key=key).first()
    if label is None or label.retired:
        known = ", ".join(Label.objects.filter(project=project, retired=False).values_list("key", flat=True))
        raise Refused(f"{project.name} has no label {key!r}; choose one of {known}.")
    return label


def next_number(task: Task) -> int:
    return int(Track.objects.filter(task=task).aggregate(n=Max("number"))["n"] or 0) + 1


@transaction.atomic
def save(
    *,
    task: Task,
    id: uuid.UUID,
    base_version: int,
    by: User,
    label: str,
    z_order: int = 0,
    deleted: bool = False,
    origin: Origin | None = None,
) -> Saved[TrackRevision]:
    """Write a track; version 0 makes it.

    Raises:
        Refused: unknown label, or the id belongs to another task.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    track = Track.objects.select_related("head").filter(pk=id).first()
    if track is None:
        track = Track.objects.create(pk=id, task=task, number=next_number(task))
    elif track.task_id != task.pk:
        raise Refused(f"Track {id} belongs to task {track.task_id}, not to task {task.pk}.")
    kept = track.head if track.head and track.head.label.key == label else None
    revision = TrackRevision(
        of=track,
        # A label retired since may stay where it is; only giving it anew is refused.
        label=kept.label if kept else label_in(task.project, label),
        z_order=z_order,
        deleted=deleted,
        author=by,
        **(origin or Origin()).fields(task.project),
    )
    return append(thing=track, revision=revision, base_version=base_version, task=task)
