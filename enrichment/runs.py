"""Asking for layers, planning what has to be computed, and saying how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from annotation import history
from annotation.events import announce_change
from annotation.models import Clip, Project
from enrichment import choosing, graph, ledger, priorities, queue, recordings, registry, routing, versions
from enrichment.choosing import Choice
from enrichment.errors import EnrichmentError, RunRefused, VersionGone
from enrichment.kept import Lying
from enrichment.layer import Layer
from enrichment.models import LayerRun, LayerSetting, PoseCorrection, Run

State = LayerRun.State
CHUNK = 200


@dataclass(frozen=True)
class Wanted:
    """A layer as a project has set it: what computes it, and what is set otherwise than by default, or by the
    project.
    """

    layer: Layer
    choice: Choice
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """A layer as it would be computed on one clip now.

    kept: stands as it is, as its engine is not here any more, or as somebody made it current by hand.
    """

    wanted: Wanted
    parameters: dict[str, object]
    fingerprint: str
    kept: bool = False


@transaction.atomic
def request(
    *,
    project: Project,
    by: User | None,
    clips: Iterable[Clip] | None = None,
    layers: Iterable[str] | None = None,
    tell: bool = True,
    retry: bool | None = None,
    strict: bool = True,
) -> Run:
    """Ask for layers on clips; what they need comes along, what is there already is not computed again.

    Args:
        clips: all of the project's when None.
        layers: all registered ones when None.
        retry: try again what has failed; by default when a person asks, not when a clip's arrival does.
        tell: let workers know at once; False when the caller computes in its own process.
        strict: refuse a person's request when a chosen engine is neither here nor where a worker runs.

    Raises:
        UnknownLayer: there is no such layer.
        RunRefused: there are no clips, or one is of another project.
        EngineMissing: a person asks for a layer whose chosen engine is not on this machine. When a clip's arrival asks,
            the layer says so and the others are computed.
    """
    given = None if clips is None else list(clips)
    for clip in given or ():
        if clip.project_id != project.pk:
            raise RunRefused(f"Clip {clip.pk} is not in {project.name}.")
    chosen = sorted({clip.pk for clip in given} if given is not None else project.clips.values_list("pk", flat=True))
    if not chosen:
        raise RunRefused(f"{project.name} has no clips to enrich; take some in first.")
    names = graph.order(layers if layers is not None else registry.every())
    if by is not None and strict:
        wanted(project, names, strict=True)
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
    """Enter in the ledger what a request means, clip by clip. Safe to run twice, and to be killed in between.

    Raises:
        EnrichmentError: it cannot be planned as things are set, for instance since an upgrade. The request is closed
            with that sentence, so that nobody tries again and again; what was planned of it before goes on.
    """
    if run.planned_at is not None:
        return
    try:
        _plan_clips(run, wanted(run.project, run.layers))
    except EnrichmentError as error:
        _planned(run, error=str(error))
        raise
    _planned(run)


def _plan_clips(run: Run, layers: Mapping[str, Wanted]) -> None:
    known = set(run.layer_runs.values_list("clip_id", flat=True).distinct())
    left = [pk for pk in run.clips if pk not in known]
    for first in range(0, len(left), CHUNK):
        for clip in Clip.objects.select_related("project").filter(pk__in=left[first : first + CHUNK]).order_by("pk"):
            _plan_clip(run, clip, layers)


def configure(
    *,
    project: Project,
    layer: str,
    by: User | None,
    parameters: dict[str, Any] | None = None,
    engine: str | None = None,
) -> LayerSetting:
    """Set parameters or the engine of a layer for all clips of a project; the next run computes what that changes.

    Args:
        parameters: all that are set otherwise than by default; as they are when None.
        engine: "name", "name:folder", several with commas; empty for the layer's own; as it is when None.

    Raises:
        UnknownLayer: there is no such layer.
        EngineMissing: the engine that is chosen, its weights or packages are not on this machine.
        RunRefused: it has no such parameter, or the value does not fit.
    """
    known = registry.get(layer)
    with transaction.atomic():
        setting = LayerSetting.objects.select_for_update().filter(project=project, layer=layer).first()
        setting = setting or LayerSetting(project=project, layer=layer)
        changed: dict[str, Any] = {}
        if engine is not None:
            choice = routing.choose(known, engine, strict=True)
            setting.engine = changed["engine"] = choice.engine if engine else ""
        if parameters is not None:
            choice = routing.choose(known, setting.engine)
            choosing.check(known, choice, parameters)
            setting.parameters = changed["parameters"] = parameters
        setting.save()
        # What was made current by hand was so against the setting of then.
        LayerRun.objects.filter(clip__project=project, layer=layer, pinned=True).update(pinned=False)
        history.record(project=project, actor=by, verb="configure", subject=setting, layer=layer, **changed)
    return setting


def wanted(project: Project, names: Iterable[str], *, strict: bool = False) -> dict[str, Wanted]:
    """Layers as the project has set them, by name.

    Args:
        strict: raise when a chosen engine is not on this machine, instead of saying so in the choice.

    Raises:
        EngineMissing: see `strict`.
    """
    rows = {row.layer: row for row in LayerSetting.objects.filter(project=project)}
    found = {}
    for name in names:
        layer, row = registry.get(name), rows.get(name, LayerSetting())
        of_project = {parameter: getattr(project, field) for parameter, field in layer.from_project.items()}
        others = {key: rows[other].parameters.get(key) for key, other in layer.as_set_for.items() if other in rows}
        given = of_project | {key: value for key, value in others.items() if value is not None} | row.parameters
        found[name] = Wanted(layer, routing.choose(layer, row.engine, strict=strict), given)
    return found


def expected(
    clip: Clip,
    names: Sequence[str],
    layers: Mapping[str, Wanted],
    done: Mapping[str, str] | None = None,
    pinned: Mapping[str, str] | None = None,
    lying: Lying | None = None,
) -> dict[str, Expected]:
    """What a clip's layers would be computed with now, by name.

    Args:
        names: layers, each after its inputs.
        layers: as `wanted` gives them.
        done: fingerprints of layers that are computed, by name; what was made by an engine that is not here any more
            stands, as nothing could make it again.
        pinned: fingerprints of layers that somebody made current by hand, by name.
        lying: the clip's folder, for who has looked into it already.
    """
    lying = lying or Lying(clip)
    found: dict[str, Expected] = {}
    for name in names:
        each = layers[name]
        upstream = {needed: found[needed].fingerprint for needed in each.layer.inputs}
        given = dict(each.given) | _of_clip(clip, each.layer, upstream, lying)
        parameters = choosing.parameters(each.layer, each.choice, given)
        stands = (pinned or {}).get(name) or (done or {}).get(name, "") * each.choice.missing
        if stands:
            found[name] = Expected(each, parameters, stands, kept=True)
            continue
        mark = graph.fingerprint(each.layer, each.choice, parameters=parameters, source=clip.sha256, upstream=upstream)
        found[name] = Expected(each, parameters, mark)
    return found


def _of_clip(clip: Clip, layer: Layer, upstream: Mapping[str, str], lying: Lying) -> dict[str, object]:
    """What people corrected of what the layer reads on this clip, and what stands for its recorded series."""
    found: dict[str, object] = {}
    if layer.from_people:
        found[layer.from_people] = PoseCorrection.objects.of(clip.pk, upstream[layer.inputs[0]])
    if layer.from_recording:
        found[layer.from_recording] = lying.of(recordings.RECORDED)
    return found


@transaction.atomic
def make_current(*, layer_run: LayerRun, by: User | None, tell: bool = True) -> Run:
    """Put a kept version of a layer in its place again, on its clip, and mark anew what depends on it.

    Nothing of the layer itself is computed. What depends on it is brought back, too, where it is kept, else computed.
    The version stands until somebody sets the layer's engine or parameters, or makes another version current.

    Raises:
        VersionGone: it is not kept any more.
        RunRefused: it is the current one.
    """
    clip = layer_run.clip
    ledger.lock_clip(clip.pk)
    row = LayerRun.objects.get(pk=layer_run.pk)
    if row.current:
        raise RunRefused(f"This version of {row.layer} is the current one already.")
    if row.kept_at is None:
        raise VersionGone(f"This version of {row.layer} is not kept any more.")
    of_layer = LayerRun.objects.filter(clip=clip, layer=row.layer)
    of_layer.update(pinned=False)
    names = graph.order([row.layer])
    lying = Lying(clip)
    pinned = _pinned(LayerRun.objects.filter(clip=clip, pinned=True), lying)
    by_setting = expected(clip, names, wanted(clip.project, names), pinned=pinned, lying=lying)
    if by_setting[row.layer].fingerprint != row.fingerprint:
        of_layer.filter(pk=row.pk).update(pinned=True)
    current = set(LayerRun.objects.current().filter(clip=clip).values_list("layer", flat=True))
    after = graph.dependants(row.layer) & current
    history.record(project=clip.project, actor=by, verb="made current", subject=row, layer=row.layer, clip=clip.pk)
    return request(project=clip.project, by=by, clips=[clip], layers=[row.layer, *after], tell=tell, strict=False)


def _pinned(rows: Iterable[LayerRun], lying: Lying) -> dict[str, str]:
    """Fingerprints of layers that were made current by hand, by name; what is not there any more lets go."""
    found = {}
    for row in rows:
        if row.pinned and (row.kept_at is not None or lying.has(row)):
            found[row.layer] = row.fingerprint
        elif row.pinned:
            row.pinned = False
            row.save(update_fields=["pinned"])
    return found


@transaction.atomic
def _plan_clip(run: Run, clip: Clip, layers: Mapping[str, Wanted]) -> None:
    # The clip's row first: one without layer runs has nothing else that two who plan could wait for each other at. Who
    # takes in flags and who scores lock it before anything of the clip, too.
    Clip.objects.select_for_update(of=("self",), no_key=True).filter(pk=clip.pk).values_list("pk").first()
    ledger.lock_clip(clip.pk)
    there = {(layer_run.layer, layer_run.fingerprint): layer_run for layer_run in LayerRun.objects.filter(clip=clip)}
    done = {row.layer: row.fingerprint for row in there.values() if row.current and row.state == State.DONE}
    for row in there.values():
        row.clip = clip
    lying = Lying(clip)
    pinned = _pinned(there.values(), lying)
    fresh: list[LayerRun] = []
    rows = []
    for name, each in expected(clip, run.layers, layers, done, pinned, lying).items():
        row = there.get((name, each.fingerprint)) or LayerRun(clip=clip, layer=name, fingerprint=each.fingerprint)
        rows.append(row)
        if row.current and (
            (each.kept and row.state == State.DONE) or (row.pk is not None and _stands(row, run, lying))
        ):
            priorities.raise_to(row, priorities.of(run, each.wanted.layer))
            continue
        row.priority = priorities.of(run, each.wanted.layer)
        _renew(row, each, lying)
        if row.state == State.WAITING:
            fresh.append(row)
    run.layer_runs.add(*rows)
    for row in fresh:
        ledger.begin_if_ready(row)


def _stands(row: LayerRun, run: Run, lying: Lying) -> bool:
    """Whether a layer run needs nothing done: it is under way, or done with its files in their place."""
    if row.state in LayerRun.UNSETTLED or row.state == State.NO_ENGINE:
        return True
    if row.state != State.DONE:
        return row.state == State.FAILED and not run.retry
    return lying.has(row)


def _renew(row: LayerRun, each: Expected, lying: Lying) -> None:
    """Make a layer run the current one of its clip: brought back where it is kept, else computed.

    Batches that are done are left to the ledger, which looks whether they still count.
    """
    others = LayerRun.objects.filter(clip=row.clip, layer=row.layer, current=True).exclude(pk=row.pk)
    for other in others:
        other.batches.exclude(state="done").delete()
        if not other.is_settled:
            other.state, other.error = State.SUPERSEDED, "It was asked for again with other parameters or engines."
        other.current = False
        other.save(update_fields=["current", "state", "error", "changed_at"])
        ledger.settle_runs(other)
    if row.pk is not None and row.batches.filter(closing=True, state="failed").exists():
        row.batches.all().delete()  # what is there cannot be put together: its pieces are computed again
    row.current, row.batches_done = True, 0
    if row.pk is not None and (row.kept_at is not None or lying.has(row)):
        row.state, row.error, row.batches_total = State.WAITING, "", 1
        row.done_at = row.done_at or timezone.now()
    else:
        _start_afresh(row, each)
    row.save()
    row.batches.exclude(state="done").delete()


def _start_afresh(row: LayerRun, each: Expected) -> None:
    layer, choice = each.wanted.layer, each.wanted.choice
    row.state, row.error = (State.NO_ENGINE, choice.no_engine) if choice.no_engine else (State.WAITING, "")
    row.engine, row.engine_version, row.version = choice.engine, choice.engine_version, layer.version
    row.parameters, row.done_at = each.parameters, None
    row.batches_total = 0 if choice.no_engine else len(layer.spans(row.clip.frame_count)) + 1
    if row.state == State.WAITING and (reason := versions.refusal(row)):
        row.state, row.error, row.batches_total = State.FAILED, reason, 0


def _planned(run: Run, error: str = "") -> None:
    with transaction.atomic():
        if not Run.objects.filter(pk=run.pk, planned_at=None).update(planned_at=Now(), error=error):
            return
        if not run.layer_runs.unsettled().exists():
            Run.objects.filter(pk=run.pk).update(settled_at=Now())
        announce_change(project_id=run.project_id, kind="run", object_id=run.pk)
    run.refresh_from_db()
