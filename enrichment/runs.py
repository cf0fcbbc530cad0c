"""Asking for layers, planning what has to be computed, and saying how far it is."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.db.utils import Error
from django.utils import timezone

from annotation import history
from annotation.events import announce_change
from annotation.models import Clip, Project
from enrichment import choosing, failures, graph, ledger, priorities, queue, registry, routing, settling, versions
from enrichment.errors import EnrichmentError, RunRefused, VersionGone
from enrichment.expectations import Expected, Wanted, expected, wanted
from enrichment.kept import Lying
from enrichment.models import LayerRun, LayerSetting, Run

State = LayerRun.State
log = logging.getLogger(__name__)

# Clips after which it is written down how far planning is.
CHUNK = 20
# Seconds that all requests which are being planned may take together before others have their turn in the queue.
SLICE = 2.0
# Seconds for which a request waits for a disk or a bucket that is away before it is closed without what lies there.
PATIENCE = 600.0
# Clips that are named of those that could not be planned.
NAMED = 5
_LEFT_OUT = "could not be planned"
# However many share it: less, and reading the request costs more than what is planned.
LEAST_SLICE = 0.2


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
        told_at=timezone.now() if tell else None,
        retry=by is not None if retry is None else retry,
    )
    history.record(project=project, actor=by, verb="enrich", subject=run, layers=names, clips=len(chosen))
    announce_change(project_id=project.pk, kind="run", object_id=run.pk)
    if tell:
        transaction.on_commit(partial(queue.send_plan, run.pk, 0))
    return run


def plan(run: Run) -> None:
    """Plan all of a request, however long that takes; see `plan_slice`."""
    while run.planned_at is None:
        if not plan_slice(run, seconds=math.inf):
            run.refresh_from_db()  # somebody else plans it, too, and was quicker


def plan_in_turn(run: Run) -> None:
    """Plan some of a request, and hand on the rest through the queue, where others have their turn in between.

    All that wait to be planned share the time, so that what stands behind them in the queue comes as soon.
    """
    seconds = max(LEAST_SLICE, SLICE / max(1, Run.objects.unplanned().count()))
    try:
        went_on = plan_slice(run, seconds=seconds)
    except EnrichmentError as error:
        log.warning("Run %d cannot be planned: %s", run.pk, error)
        return
    if went_on and run.planned_at is None:
        queue.send_plan(run.pk, run.clips_planned)


def plan_slice(run: Run, *, seconds: float) -> bool:
    """Enter in the ledger what a request means, clip by clip, for so long. Safe to run twice, and to be killed.

    Returns:
        Whether it went on to the end of its time, or of the request; False when somebody else had planned the same
        clips meanwhile, and goes on.

    A clip that cannot be planned, for instance as its folder cannot be read, is left out, and the request says so.

    Raises:
        EnrichmentError: it cannot be planned as things are set, for instance since an upgrade. The request is closed
            with that sentence, so that nobody tries again and again; what was planned of it before goes on.
        OSError: a disk or a bucket is away; another try may do better.
    """
    if run.planned_at is not None:
        return False
    until = time.monotonic() + seconds
    try:
        layers = wanted(run.project, run.layers)
        while run.clips_planned < len(run.clips):
            if not _plan_chunk(run, layers, until):
                return False
            if time.monotonic() > until:
                break
    except Exception as error:
        if isinstance(error, EnrichmentError) or not _may_pass(run, error):
            _planned(run, error=failures.sentence(error))
        raise
    if run.clips_planned >= len(run.clips):
        _planned(run, error=run.error)
    else:
        with transaction.atomic():
            announce_change(project_id=run.project_id, kind="run", object_id=run.pk)
    return True


def _plan_chunk(run: Run, layers: Mapping[str, Wanted], until: float) -> bool:
    """Plan the next clips, one at least; False when somebody else had done so meanwhile."""
    before = run.clips_planned
    chunk = run.clips[before : before + CHUNK]
    # Who was killed before the count was written had planned some of them; what failed since is not begun again.
    known = set(run.layer_runs.filter(clip__in=chunk).values_list("clip_id", flat=True))
    there = Clip.objects.select_related("project").in_bulk([pk for pk in chunk if pk not in known])
    for pk in chunk:
        if pk in there:
            _plan_or_leave_out(run, there[pk], layers)
        run.clips_planned += 1
        if time.monotonic() > until:
            break
    same = Run.objects.filter(pk=run.pk, clips_planned=before)
    return bool(same.update(clips_planned=run.clips_planned, told_at=Now(), error=run.error))


def _plan_or_leave_out(run: Run, clip: Clip, layers: Mapping[str, Wanted]) -> None:
    try:
        _plan_clip(run, clip, layers)
    except Exception as error:
        if isinstance(error, EnrichmentError) or _may_pass(run, error):
            raise
        log.exception("Clip %d of run %d cannot be planned.", clip.pk, run.pk)
        named = run.error.count(_LEFT_OUT)
        if named < NAMED:
            run.error += f"{' ' if named else ''}{clip.name} (clip {clip.pk}) {_LEFT_OUT}: {failures.sentence(error)}"
        elif named == NAMED:
            run.error += f" More {_LEFT_OUT}; see the log."


def _may_pass(run: Run, error: Exception) -> bool:
    """Whether planning is worth another try: while a database, a disk or a bucket may only be away for a moment."""
    waited = (timezone.now() - run.created_at).total_seconds()
    return isinstance(error, Error) or (waited < PATIENCE and not failures.lasts(error))


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
    rows: list[LayerRun] = []
    for name, each in expected(clip, run.layers, layers, done, pinned, lying).items():
        row = there.get((name, each.fingerprint)) or LayerRun(clip=clip, layer=name, fingerprint=each.fingerprint)
        rows.append(row)
        if row.current and (
            (each.kept and row.state == State.DONE) or (row.pk is not None and _stands(row, run, lying))
        ):
            priorities.raise_to(row, priorities.of(run, each.wanted.layer))
            continue
        row.priority = priorities.of(run, each.wanted.layer)
        _renew(row, each, there.values(), lying)
        if row.state == State.WAITING:
            fresh.append(row)
    LayerRun.objects.bulk_create([row for row in rows if row.pk is None])
    run.layer_runs.add(*rows)
    for row in fresh:
        ledger.begin_if_ready(row, states={other.layer: other.state for other in rows})


def _stands(row: LayerRun, run: Run, lying: Lying) -> bool:
    """Whether a layer run needs nothing done: it is under way, or done with its files in their place."""
    if row.state in LayerRun.UNSETTLED or row.state == State.NO_ENGINE:
        return True
    if row.state != State.DONE:
        return row.state == State.FAILED and not run.retry
    return lying.has(row)


def _renew(row: LayerRun, each: Expected, there: Iterable[LayerRun], lying: Lying) -> None:
    """Make a layer run the current one of its clip: brought back where it is kept, else computed.

    Batches that are done are left to the ledger, which looks whether they still count. New rows are saved by who calls.

    Args:
        there: the clip's layer runs so far; that nothing is asked about a new one is a third of planning a new clip.
    """
    is_new = row.pk is None
    for other in [one for one in there if one.layer == row.layer and one.current and one is not row]:
        other.batches.exclude(state="done").delete()
        if not other.is_settled:
            other.state, other.error = State.SUPERSEDED, "It was asked for again with other parameters or engines."
        other.current = False
        other.save(update_fields=["current", "state", "error", "changed_at"])
        settling.settle_runs(other)
    if not is_new and row.batches.filter(closing=True, state="failed").exists():
        row.batches.all().delete()  # what is there cannot be put together: its pieces are computed again
    row.current, row.batches_done = True, 0
    if not is_new and (row.kept_at is not None or lying.has(row)):
        row.state, row.error, row.batches_total = State.WAITING, "", 1
        row.done_at = row.done_at or timezone.now()
    else:
        _start_afresh(row, each)
    if not is_new:
        row.save()
        row.batches.exclude(state="done").delete()


def _start_afresh(row: LayerRun, each: Expected) -> None:
    layer, choice = each.wanted.layer, each.wanted.choice
    row.state, row.error = (State.NO_ENGINE, choice.no_engine) if choice.no_engine else (State.WAITING, "")
    row.engine, row.engine_version, row.version = choice.engine, choice.engine_version, layer.version
    row.parameters, row.done_at = each.parameters, None
    row.batches_total = 0 if choice.no_engine else len(layer.spans(row.clip.frame_count)) + 1
    if row.state == State.WAITING and each.wanted.refusable and (reason := versions.refusal(row)):
        row.state, row.error, row.batches_total = State.FAILED, reason, 0


def _planned(run: Run, error: str = "") -> None:
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, planned_at=None).update(planned_at=Now(), error=error):
            if not run.layer_runs.unsettled().exists():
                Run.objects.filter(pk=run.pk).update(settled_at=Now())
            announce_change(project_id=run.project_id, kind="run", object_id=run.pk)
    run.refresh_from_db()
