"""Comparing two versions of a layer on a clip, and finding which two there are to compare."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial

import cv2
import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from enrichment import choosing, comparison, compute, failures, queue, registry
from enrichment.comparison import Differences, Side
from enrichment.errors import RunRefused, VersionGone
from enrichment.models import Comparison, LayerRun, from_now

log = logging.getLogger(__name__)

# Pairs that are asked for at once; the others when the page is asked again.
MOST_MISSING = 500
# A worker that was asked so many seconds ago and has not answered has lost it.
LOST_AFTER = 600.0


def versions_of(clip: Clip, layer: str) -> list[LayerRun]:
    """The current version of a layer, when it is done, and those that are kept, the latest first."""
    rows = LayerRun.objects.filter(clip=clip, layer=layer).select_related("clip__project")
    current = rows.filter(current=True, state=LayerRun.State.DONE)
    return [*current, *rows.kept()]


def side(layer_run: LayerRun) -> Side:
    """A version as comparers take it: where its files lie now.

    Raises:
        VersionGone: they lie nowhere.
    """
    folder = clips.folder(layer_run.clip)
    if not layer_run.current and layer_run.kept_at is None:
        raise VersionGone(f"This version of {layer_run.layer} is not kept any more.")
    lies: ClipFolder = folder if layer_run.current else folder.version(layer_run.fingerprint)
    return Side(registry.get(layer_run.layer), lies, layer_run.files, compute.facts_of(layer_run.clip))


def compare(before: LayerRun, after: LayerRun) -> Comparison:
    """Compare two versions and write down what came of it; safe to run twice.

    Raises:
        VersionGone: one of them is not kept any more.
    """
    error, found = "", Differences()
    try:
        found = comparison.of_layer(after.layer).compare(side(before), side(after))
    except (ClipFolderError, ValueError, KeyError, IndexError) as trouble:
        error = f"The two versions cannot be compared: {trouble}"
    worst = found.worst(1)
    return Comparison.objects.update_or_create(
        before=before,
        after=after,
        defaults={
            "measure": found.measure,
            "unit": found.unit,
            "same": found.same,
            "values": [[frame, round(value, 6)] for frame, value in sorted(found.values.items())],
            "rows": [asdict(row) for row in found.rows],
            "remarks": list(found.remarks),
            "mean": found.mean,
            "worst_frame": worst[0][0] if worst else None,
            "apart": 0.0 if found.mean is None else abs(found.mean - found.same),
            "error": error,
            "waiting_since": None,
        },
    )[0]


def run(before_id: int, after_id: int) -> None:
    """Compare two versions, when both are still there and nobody has done it."""
    rows = {
        row.pk: row for row in LayerRun.objects.filter(pk__in=[before_id, after_id]).select_related("clip__project")
    }
    done = Comparison.objects.filter(before=before_id, after=after_id, error="", waiting_since=None)
    if len(rows) < 2 or done.exists():
        return
    try:
        compare(rows[before_id], rows[after_id])
    except Exception as error:
        # Without an answer whoever looks at the two versions would wait for ever.
        log.exception("Layer runs %d and %d were not compared.", before_id, after_id)
        Comparison.objects.update_or_create(
            before=rows[before_id],
            after=rows[after_id],
            defaults={
                "error": f"The two versions cannot be compared: {failures.sentence(error)}",
                "waiting_since": None,
            },
        )


@transaction.atomic
def ask(before_id: int, after_id: int) -> None:
    """Let a worker compare two versions. Asked again while it is at it, or when it is done, that does nothing."""
    row, new = Comparison.objects.get_or_create(
        before_id=before_id, after_id=after_id, defaults={"waiting_since": Now()}
    )
    # Two may ask at once; whoever marks the row sends it.
    again = ~Q(error="") & Q(waiting_since=None) | Q(waiting_since__lt=from_now(-LOST_AFTER))
    if new or Comparison.objects.filter(again, pk=row.pk).update(waiting_since=Now()):
        transaction.on_commit(partial(queue.send, "enrichment.jobs.compare", before_id, after_id))


def missing(project: Project) -> list[tuple[int, int]]:
    """(older, newer) layer runs of a project of which the one replaced the other last, and that nobody compared yet."""
    compared = Comparison.objects.filter(before=OuterRef("pk"), after__current=True, error="", waiting_since=None)
    waiting = LayerRun.objects.kept().filter(clip__project=project).exclude(Exists(compared))
    latest: dict[tuple[int, str], int] = {}
    for pk, clip, layer in waiting.values_list("pk", "clip", "layer")[:MOST_MISSING]:
        latest.setdefault((clip, layer), pk)
    now = LayerRun.objects.current().filter(clip__in={clip for clip, _ in latest}, state=LayerRun.State.DONE)
    done = {(clip, layer): pk for pk, clip, layer in now.values_list("pk", "clip", "layer")}
    return [(pk, done[key]) for key, pk in latest.items() if key in done]


def ask_missing(project: Project) -> int:
    """Let workers compare what nobody has compared yet; returns how many pairs that are."""
    pairs = missing(project)
    for pair in pairs:
        ask(*pair)
    return len(pairs)


def of_project(project: Project) -> QuerySet[Comparison]:
    """Current versions against what they replaced, farthest apart first."""
    return (
        Comparison.objects.filter(
            after__clip__project=project,
            after__current=True,
            before__kept_at__isnull=False,
            before__current=False,
            waiting_since=None,
        )
        .select_related("before", "after__clip")
        .order_by("-apart", "-pk")
    )


def told_apart(before: LayerRun, after: LayerRun) -> tuple[str, str]:
    """What made each of two versions, in as few words as tell them apart."""
    if before.engine != after.engine:
        return before.engine or "no engine", after.engine or "no engine"
    if before.engine_version != after.engine_version:
        old, new = choosing.short(before.engine_version), choosing.short(after.engine_version)
        return f"{before.engine} {old}", f"{after.engine} {new}"
    if before.version != after.version:
        return f"{before.engine}, layer version {before.version}", f"layer version {after.version}"
    names = sorted({*before.parameters, *after.parameters})
    changed = [name for name in names if before.parameters.get(name) != after.parameters.get(name)]
    if not changed:
        return f"{before.engine}, older inputs", "newer inputs"
    said = [", ".join(f"{name} {row.parameters.get(name, '–')}" for name in changed) for row in (before, after)]
    return f"{before.engine}, {said[0]}", said[1]


def words(layer_run: LayerRun, frame: int) -> list[str]:
    """What a version says of a frame, in words.

    Raises:
        RunRefused: its files cannot be read.
        IndexError: the clip has no such frame.
    """
    _refuse_frame(layer_run.clip, frame)
    try:
        return comparison.of_layer(layer_run.layer).words(side(layer_run), frame)
    except (ClipFolderError, ValueError, KeyError) as error:
        raise RunRefused(f"This version of {layer_run.layer} cannot be read: {error}") from error


def picture(layer_run: LayerRun, frame: int) -> bytes:
    """What a version says of a frame as a see-through PNG, clear where there is nothing; raises as `words` does."""
    _refuse_frame(layer_run.clip, frame)
    try:
        painted = comparison.of_layer(layer_run.layer).picture(side(layer_run), frame)
    except (ClipFolderError, ValueError, KeyError) as error:
        raise RunRefused(f"This version of {layer_run.layer} cannot be shown: {error}") from error
    if painted is None:
        painted = np.zeros((1, 1, 4), np.uint8)
    _, png = cv2.imencode(".png", cv2.cvtColor(painted, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return png.tobytes()


def _refuse_frame(clip: Clip, frame: int) -> None:
    if not 0 <= frame < clip.frame_count:
        raise IndexError(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
