"""Pinning: from filters to the exact revisions that a delivery says, now and whenever it is made again.

Reading a snapshot back is in reading.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from annotation import clips as annotation_clips
from annotation.models import Clip, Guideline, Mask, Project, Segment, Task, Track
from delivery.dataset import Counts
from delivery.filters import VOUCHED, Filters
from delivery.json_stream import line
from delivery.models import Snapshot, SnapshotClip
from enrichment import registry as layers

_CLIPS_AT_ONCE = 50
# Which facts of a clip a delivery says; pinned because people may correct them later.
_FACTS = ["name", "source_name", "sha256", "width", "height", "frame_count", "fps", "duration", "variable_rate"]
_MEDIA = ["container", "codec", "size", "rotation", "timestamps_synthesised"]
_ABOUT = ["scene", "environment", "device", "session", "site", "contributor", "licence", "consent"]


def pin(*, project: Project, filters: Filters, beat: Callable[[], None] = lambda: None) -> Snapshot:
    """Write down which revisions the filters choose at this moment.

    Everything that people made is read in one view of the database, so an annotator who saves meanwhile is either in
    it with all they saved or not at all. Pinning an unchanged project again gives the same digest.

    Args:
        project: whose work.
        filters: which of it.
        beat: called now and then, so that a long pinning keeps its lease.
    """
    with _one_view():
        header = _header(project, filters)
        snapshot = Snapshot.objects.create(project=project, header=header)
        people: set[int] = set()
        totals: dict[str, int] = defaultdict(int)
        for chosen in _chosen(project, filters):
            rows = _facts(chosen, filters, people)
            for row in rows:
                _add(totals, row)
            SnapshotClip.objects.bulk_create(
                SnapshotClip(snapshot=snapshot, clip_id=row["clip"]["id"], facts=row) for row in rows
            )
    header["people"] = {str(person): _pseudonym(project, person) for person in sorted(people)}
    header["counts"] = {name: totals[name] for name in Counts.__slots__}
    digest = hashlib.sha256(line(header).encode())
    # The clip folders are not part of the database's view, and opening them would hold up everyone who saves.
    for pinned in snapshot.clips.iterator(chunk_size=_CLIPS_AT_ONCE):
        pinned.layers = _layers(pinned.clip_id)
        pinned.save(update_fields=["layers"])
        digest.update(line([pinned.facts, pinned.layers]).encode())
        beat()
    snapshot.header, snapshot.digest = header, digest.hexdigest()
    snapshot.save(update_fields=["header", "digest"])
    return snapshot


@contextmanager
def _one_view() -> Iterator[None]:
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        # SQLite's IMMEDIATE transactions see one state anyway.
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _header(project: Project, filters: Filters) -> dict[str, Any]:
    project = Project.objects.get(pk=project.pk)
    guideline = Guideline.objects.filter(project=project).order_by("-number").first()
    return {
        "project": project.slug,
        "name": project.name,
        "description": project.description,
        "filters": filters.as_dict(),
        "taxonomy": project.taxonomy_version,
        "guideline": guideline.number if guideline else 0,
        "no_engine": {name: layer.no_engine for name, layer in layers.every().items() if layer.no_engine},
    }


def _chosen(project: Project, filters: Filters) -> Iterator[list[Clip]]:
    """The clips that the filters let through, a few at a time, ascending."""
    found = Clip.objects.of(project).order_by("pk")
    if filters.clips:
        found = found.filter(pk__in=filters.clips)
    if filters.review_status != "any":
        done = Task.objects.primary().filter(project=project, state__in=filters.states)
        found = found.filter(pk__in=done.values("clip"))
    last = 0
    while piece := list(found.filter(pk__gt=last)[:_CLIPS_AT_ONCE]):
        yield piece
        last = piece[-1].pk


def _facts(chosen: Sequence[Clip], filters: Filters, people: set[int]) -> list[dict[str, Any]]:
    """What is pinned of each clip, in four queries for all of them."""
    rows = {clip.pk: _clip(clip) for clip in chosen}
    tasks = Task.objects.primary().filter(clip__in=rows, state__in=filters.states).order_by("start", "id")
    clip_of: dict[int, int] = {}
    for task in tasks:
        clip_of[task.pk] = task.clip_id
        told = {"id": task.pk, "start": task.start, "end": task.end, "frames": task.frames, "status": task.state}
        rows[task.clip_id]["tasks"].append(told)
    drawn = Track.objects.filter(task__in=clip_of, head__deleted=False).order_by("task__start", "task_id", "number")
    if filters.labels:
        drawn = drawn.filter(head__label__key__in=filters.labels)
    tracks: dict[str, dict[str, Any]] = {}
    for pk, task_id, number, head, author, label, z_order in drawn.values_list(
        "pk", "task_id", "number", "head_id", "head__author_id", "head__label__key", "head__z_order"
    ):
        track = {"task": task_id, "number": number, "revision": head, "label": label, "z_order": z_order}
        tracks[str(pk)] = track | {"masks": [], "frames": []}
        rows[clip_of[task_id]]["tracks"].append(tracks[str(pk)])
        people.add(author)
    masks = Mask.objects.drawn().filter(task__in=clip_of).order_by("track", "frame")
    for pk, frame, head, author in masks.values_list("track_id", "frame", "head_id", "head__author_id").iterator():
        if str(pk) in tracks:
            tracks[str(pk)]["masks"].append(head)
            tracks[str(pk)]["frames"].append(frame)
            people.add(author)
    for row in rows.values():
        # A track that nothing is drawn of says nothing.
        row["tracks"] = [track for track in row["tracks"] if track["masks"]]
    segments = Segment.objects.drawn().filter(task__in=clip_of).order_by("head__start", "head__end", "pk")
    for task_id, head, author in segments.values_list("task_id", "head_id", "head__author_id"):
        rows[clip_of[task_id]]["segments"].append([head, task_id])
        people.add(author)
    return list(rows.values())


def _clip(clip: Clip) -> dict[str, Any]:
    facts = {"id": clip.pk, "folder": clip.folder_name} | {name: getattr(clip, name) for name in _FACTS}
    facts["about"] = {name: getattr(clip, name) for name in _ABOUT}
    facts["media"] = {name: getattr(clip, name) for name in _MEDIA}
    return {"clip": facts, "tasks": [], "tracks": [], "segments": []}


def annotated(row: Mapping[str, Any]) -> tuple[list[int], frozenset[int]]:
    """The annotated frames of a pinned clip, ascending, and those of them that a task vouches for."""
    vouched = [task["frames"] for task in row["tasks"] if task["status"] in VOUCHED]
    complete = frozenset(frame for frames in vouched for frame in frames)
    return sorted(complete.union(*(track["frames"] for track in row["tracks"]))), complete


def _add(totals: dict[str, int], row: Mapping[str, Any]) -> None:
    totals["clips"] += 1
    totals["frames"] += len(annotated(row)[0])
    totals["tracks"] += len(row["tracks"])
    totals["masks"] += sum(len(track["masks"]) for track in row["tracks"])
    totals["segments"] += len(row["segments"])


def _layers(clip_id: int) -> dict[str, str]:
    clip = Clip.objects.filter(pk=clip_id).first()
    return layer_digests(annotation_clips.folder(clip).manifest()) if clip else {}


def layer_digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    """For each layer in a clip folder's manifest a hash of its entry and of its files."""
    files: dict[str, list[Any]] = defaultdict(list)
    for path, entry in sorted(manifest["files"].items()):
        files[entry["layer"]].append([path, entry["sha256"], entry["bytes"]])
    return {
        name: hashlib.sha256(line([entry, files[name]]).encode()).hexdigest()
        for name, entry in sorted(manifest["layers"].items())
    }


def _pseudonym(project: Project, person: int) -> str:
    """The same person is the same name throughout a project and another one elsewhere; nobody can count back."""
    told = f"{project.pk}:{person}".encode()
    return "person-" + hmac.new(settings.SECRET_KEY.encode(), told, hashlib.sha256).hexdigest()[:10]
