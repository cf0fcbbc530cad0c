"""Both versions of a layer's result: what a newer one replaces is kept, brought back, and dropped when it is too old.

The files are the ground floor's business (annotation/media/versions.py); the row of the layer run says that they are
there. A row is written after the files are kept, and before they are dropped: what a row names is there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from functools import cached_property, partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from annotation import clips, history
from annotation.events import announce_change
from annotation.media import versions
from annotation.media.errors import ClipFolderError
from annotation.media.manifest import Manifest
from annotation.models import Clip, Project
from enrichment import findings, queue
from enrichment.errors import VersionGone
from enrichment.layer import Product
from enrichment.models import LayerRun

log = logging.getLogger(__name__)


def put_aside(layer_run: LayerRun) -> LayerRun | None:
    """Keep what lies in a layer's place before `layer_run` takes it; returns whose result that was, if it is kept.

    Raises:
        OSError: the disk is full or not writable; the new result waits.
    """
    folder = clips.folder(layer_run.clip)
    others = LayerRun.objects.filter(clip=layer_run.clip_id, layer=layer_run.layer).exclude(pk=layer_run.pk)
    if layer_run.clip.project.keep_versions == 0:
        return None
    entry = folder.manifest()["layers"].get(layer_run.layer)
    before = others.filter(fingerprint=entry["fingerprint"]).first() if entry is not None else None
    if before is None:
        return None
    try:
        found = versions.keep(folder, layer_run.layer)
    except ClipFolderError as error:
        log.warning("The last version of %s is not kept: %s", layer_run, error)
        return None
    if found is not None:
        LayerRun.objects.filter(pk=before.pk).update(kept_at=Now(), kept_bytes=found[1])
    return before


class Lying:
    """What lies in a clip's folder, looked at once for all of its layers, when it is first asked for.

    Who plans holds the clip's lock meanwhile, and a mirror takes its time for every question.
    """

    def __init__(self, clip: Clip) -> None:
        self._folder = clips.folder(clip)

    def of(self, layer: str) -> str:
        """The fingerprint of what lies there of a layer; empty when nothing does."""
        try:
            entry = self._manifest["layers"].get(layer)
        except ClipFolderError:
            return ""
        return entry["fingerprint"] if entry is not None else ""

    def has(self, layer_run: LayerRun) -> bool:
        """Whether a layer run's files are the ones in the folder now, as far as a look at their names says."""
        if self.of(layer_run.layer) != layer_run.fingerprint:
            return False
        try:
            missing = [path for path in layer_run.files if not self._folder.path(path).is_file()]
            # One stands for all when the files lie in a mirror: asking for each of a clip's flow is out of proportion.
            return not missing or self._folder.has(missing[0])
        except ClipFolderError:
            return False

    @cached_property
    def _manifest(self) -> Manifest:
        return self._folder.manifest()


def bring_back(layer_run: LayerRun) -> Product:
    """Put the files of an older version into their place again; what was there is kept in turn. Safe to run twice.

    Raises:
        VersionGone: its files are not there any more, or not what they were. Then it is not offered any longer.
    """
    put_aside(layer_run)
    folder = clips.folder(layer_run.clip)
    try:
        files = versions.bring_back(folder, layer_run.layer, layer_run.fingerprint)
        said = findings.written(folder, [file.path for file in files])
    except ClipFolderError as error:
        LayerRun.objects.filter(pk=layer_run.pk).update(kept_at=None, kept_bytes=0, pinned=False)
        raise VersionGone(
            f"The older version of {layer_run.layer} cannot be brought back: {error} Press Enrich to compute the layer "
            "as the project has it set."
        ) from error
    check, found, unjudged = said or ("", None, "")
    return Product(files, check=check, findings=found, measure=layer_run.measure, unjudged=unjudged)


def settle(layer_run: LayerRun) -> None:
    """Once a layer run's files are in their place: drop its kept copy, and versions beyond what the project keeps."""
    folder = clips.folder(layer_run.clip)
    LayerRun.objects.filter(pk=layer_run.pk).update(kept_at=None, kept_bytes=0)
    versions.drop(folder, layer_run.fingerprint)
    of_layer = LayerRun.objects.kept().filter(clip=layer_run.clip_id, layer=layer_run.layer)
    before = of_layer.first()
    if before is not None:
        queue.send("enrichment.jobs.compare", before.pk, layer_run.pk)
    _remove(_let_go(of_layer[layer_run.clip.project.keep_versions :]))


def of_project(project: Project) -> QuerySet[LayerRun]:
    """All versions that are kept in a project, the latest first."""
    return LayerRun.objects.kept().filter(clip__project=project)


def disk_use(kept: QuerySet[LayerRun]) -> int:
    """Bytes that kept versions take."""
    return int(kept.order_by().aggregate(bytes=Sum("kept_bytes"))["bytes"] or 0)


def beyond(kept: QuerySet[LayerRun], count: int) -> list[int]:
    """Ids of versions other than the latest `count` of each layer and clip."""
    seen: Counter[tuple[int, str]] = Counter()
    found = []
    for pk, clip, layer in kept.values_list("pk", "clip", "layer"):
        seen[clip, layer] += 1
        if seen[clip, layer] > count:
            found.append(pk)
    return found


@transaction.atomic
def drop(*, project: Project, kept: QuerySet[LayerRun], by: User | None) -> tuple[int, int]:
    """Remove kept versions of a project for good; returns how many, and the bytes that they took.

    What is current stays, and so does all that people made of proposals.
    """
    chosen = list(kept.filter(clip__project=project).select_related("clip"))
    freed = sum(row.kept_bytes for row in chosen)
    if chosen:
        layers = sorted({row.layer for row in chosen})
        history.record(
            project=project, actor=by, verb="dropped versions", subject=project, layers=layers, versions=len(chosen)
        )
        transaction.on_commit(partial(_remove, _let_go(chosen)))
        announce_change(project_id=project.pk, kind="run", object_id=0)
    return len(chosen), freed


def _let_go(rows: Iterable[LayerRun]) -> list[LayerRun]:
    """Say of versions that they are not kept any more; returns those whose files may go."""
    free = LayerRun.objects.filter(current=False)
    return [row for row in rows if free.filter(pk=row.pk).update(kept_at=None, kept_bytes=0)]


def _remove(rows: Iterable[LayerRun]) -> None:
    for row in rows:
        versions.drop(clips.folder(row.clip), row.fingerprint)
