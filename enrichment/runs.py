"""Asking for layers, planning what has to be computed, and saying how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from annotation import clips, history
from annotation.events import announce_change
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from enrichment import graph, ledger, priorities, queue, registry
from enrichment.errors import RunRefused
from enrichment.layer import Layer, as_json
from enrichment.models import LayerRun, LayerSetting, Run

State = LayerRun.State
CHUNK = 200


@transaction.atomic
def request(
    *,
    project: Project,
    by: User | None,
    clips: Iterable[Clip] | None = None,
    layers: Iterable[str] | None = None,
    tell: bool = True,
    retry: bool | None = None,
) -> Run:
    """Ask for layers on clips; what they need comes along, what is there already is not computed again.

    Args:
        clips: all of the project's when None.
        layers: all registered ones when None.
        retry: try again what has failed; by default when a person asks, not when a clip's arrival does.
        tell: let workers know at once; False when the caller computes in its own process.

    Raises:
        UnknownLayer: there is no such layer.
        RunRefused: there are no clips, or one is of another project.
    """
    given = None if clips is None else list(clips)
    for clip in given or ():
        if clip.project_id != project.pk:
            raise RunRefused(f"Clip {clip.pk} is not in {project.name}.")
    chosen = sorted({clip.pk for clip in given} if given is not None else project.clips.values_list("pk", flat=True))
    if not chosen:
        raise RunRefused(f"{project.name} has no clips to enrich; take some in first.")
    names = graph.order(layers if layers is not None else registry.every())
    run = Run.objects.create(
        project=project,
        by=by,
        layers=names,
        clips=chosen,
        clip_count=len(chosen),
        retry=by is not None if retry is None else retry,
    )
    history.record(project=project, actor=by, verb="enrich", subject=run, layers=names, clips=len(chosen))
    announce_change(project_id=project.pk, kind="run", object_id=run.pk)
    if tell:
        transaction.on_commit(lambda: queue.send("enrichment.jobs.plan", run.pk))
    return run


def plan(run: Run) -> None:
    """Enter in the ledger what a request means, clip by clip. Safe to run twice, and to be killed in between."""
    if run.planned_at is not None:
        return
    settings = {each.layer: each.parameters for each in LayerSetting.objects.filter(project=run.project_id)}
    known = set(run.layer_runs.values_list("clip_id", flat=True).distinct())
    left = [pk for pk in run.clips if pk not in known]
    for first in range(0, len(left), CHUNK):
        for clip in Clip.objects.select_related("project").filter(pk__in=left[first : first + CHUNK]).order_by("pk"):
            _plan_clip(run, clip, settings)
    _planned(run)


def configure(*, project: Project, layer: str, parameters: dict[str, Any], by: User | None) -> LayerSetting:
    """Set parameters of a layer for all clips of a project; the next run computes what that changes, and no more.

    Raises:
        UnknownLayer: there is no such layer.
        RunRefused: it has no such parameter, or the value does not fit.
    """
    registry.get(layer).parameters(parameters)
    with transaction.atomic():
        setting, _ = LayerSetting.objects.update_or_create(
            project=project, layer=layer, defaults={"parameters": parameters}
        )
        history.record(project=project, actor=by, verb="configure", subject=setting, layer=layer, parameters=parameters)
    return setting


def expected(
    clip: Clip, names: Sequence[str], settings: dict[str, dict[str, Any]]
) -> dict[str, tuple[Layer, dict[str, object], str]]:
    """What a clip's layers would be computed with now: the layer, its parameters, its fingerprint, by name."""
    found: dict[str, tuple[Layer, dict[str, object], str]] = {}
    for name in names:
        layer = registry.get(name)
        given = {parameter: getattr(clip.project, field) for parameter, field in layer.from_project.items()}
        parameters = as_json(layer.parameters(given | settings.get(name, {})))
        upstream = {needed: found[needed][2] for needed in layer.inputs}
        mark = graph.fingerprint(layer, parameters=parameters, source=clip.sha256, upstream=upstream)
        found[name] = (layer, parameters, mark)
    return found


@transaction.atomic
def _plan_clip(run: Run, clip: Clip, settings: dict[str, dict[str, Any]]) -> None:
    ledger.lock_clip(clip.pk)
    there = {(layer_run.layer, layer_run.fingerprint): layer_run for layer_run in LayerRun.objects.filter(clip=clip)}
    fresh: list[LayerRun] = []
    rows = []
    for name, (layer, parameters, mark) in expected(clip, run.layers, settings).items():
        row = there.get((name, mark)) or LayerRun(clip=clip, layer=name, fingerprint=mark)
        rows.append(row)
        if row.pk is not None and row.current and _stands(row, clip, run):
            priorities.raise_to(row, priorities.of(run, layer))
            continue
        row.priority = priorities.of(run, layer)
        _renew(row, layer, parameters)
        if row.state == State.WAITING:
            fresh.append(row)
    run.layer_runs.add(*rows)
    for row in fresh:
        ledger.begin_if_ready(row)


def _stands(row: LayerRun, clip: Clip, run: Run) -> bool:
    """Whether a layer run needs nothing done: it is under way, or done with its files in their place."""
    if row.state in LayerRun.UNSETTLED or row.state == State.NO_ENGINE:
        return True
    if row.state != State.DONE:
        return row.state == State.FAILED and not run.retry
    folder = clips.folder(clip)
    try:
        entry = folder.manifest()["layers"].get(row.layer)
        if entry is None or entry["fingerprint"] != row.fingerprint:
            return False
        missing = [path for path in row.files if not folder.path(path).is_file()]
        # One stands for all when the files lie in a mirror: fetching a clip's whole flow to plan is out of proportion.
        return not missing or folder.local(missing[0]).is_file()
    except ClipFolderError:
        return False


def _renew(row: LayerRun, layer: Layer, parameters: dict[str, object]) -> None:
    """Make a layer run the current one of its clip, to be computed from the start."""
    others = LayerRun.objects.filter(clip=row.clip, layer=row.layer, current=True).exclude(pk=row.pk)
    for other in others:
        other.batches.exclude(state="done").delete()
        if not other.is_settled:
            other.state, other.error = State.SUPERSEDED, "It was asked for again with other parameters or engines."
        other.current = False
        other.save(update_fields=["current", "state", "error", "changed_at"])
        ledger.settle_runs(other)
    row.current = True
    row.state, row.error = (State.NO_ENGINE, layer.no_engine) if layer.no_engine else (State.WAITING, "")
    row.engine, row.engine_version, row.version = layer.engine, layer.engine_version, layer.version
    row.parameters, row.batches_done, row.done_at = parameters, 0, None
    row.batches_total = 0 if layer.no_engine else len(layer.spans(row.clip.frame_count)) + 1
    row.save()
    row.batches.all().delete()


def _planned(run: Run) -> None:
    with transaction.atomic():
        if not Run.objects.filter(pk=run.pk, planned_at=None).update(planned_at=Now()):
            return
        if not run.layer_runs.unsettled().exists():
            Run.objects.filter(pk=run.pk).update(settled_at=Now())
        announce_change(project_id=run.project_id, kind="run", object_id=run.pk)
    run.refresh_from_db()
