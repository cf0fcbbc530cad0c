"""Counting how each layer fares, and raising an alert where it fares badly [E14]. The scheduler calls `look`."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Avg, Count, Exists, OuterRef, Q, StdDev, Sum
from django.utils import timezone

from annotation.events import announce_change
from annotation.models import Project
from enrichment import choosing, queue, workers
from enrichment.models import Alert, Batch, LayerRun, LayerWatch, Run
from enrichment.models.ledger import LayerRunQuerySet

log = logging.getLogger(__name__)

# What counts as lately, and how far back the history goes that it is compared with.
WINDOW = timedelta(hours=24)
HISTORY = timedelta(days=60)
# Above this share of failed attempts there is an alert, from so many attempts on.
MOST_ERRORS, LEAST_ATTEMPTS = 0.05, 20
# A drift is a mean of the window this many standard deviations below the history's, from so many clips in each.
DRIFT, LEAST_CLIPS, LEAST_HISTORY = 1.0, 5, 20

State = LayerRun.State


def look() -> None:
    """Count the layers of every project in which something was computed lately or waits, and open and close alerts."""
    since = timezone.now() - WINDOW
    busy = LayerRun.objects.filter(changed_at__gte=since).order_by().values_list("clip__project", flat=True).distinct()
    watched = LayerWatch.objects.order_by().values_list("project", flat=True).distinct()
    waiting = Run.objects.unplanned().order_by().values_list("project", flat=True).distinct()
    for project in Project.objects.filter(pk__in={*busy, *watched, *waiting}):
        try:
            with transaction.atomic():
                count(project)
                _alert(project)
        except Exception:
            # What is wrong with one project's figures must not keep the others' alerts from anybody.
            log.exception(
                "The layers of %s could not be watched; its figures and alerts stand as before.", project.slug
            )


def count(project: Project) -> list[LayerWatch]:
    """The figures of a project's layers, written down and returned; three queries however many there are."""
    now = timezone.now()
    recent = Q(done_at__gte=now - WINDOW) | Q(done_at=None, changed_at__gte=now - WINDOW)
    before = Q(done_at__lt=now - WINDOW)
    rows = (
        LayerRun.objects.filter(clip__project=project, changed_at__gte=now - HISTORY)
        .exclude(state__in=[State.NO_ENGINE, State.BLOCKED])
        .order_by()
        .values("layer", "engine", "engine_version")
        .annotate(
            clips=Count("pk", filter=recent & Q(state=State.DONE)),
            frames=Sum("clip__frame_count", filter=recent & Q(state=State.DONE), default=0),
            seconds=Sum("seconds", filter=recent & Q(state=State.DONE), default=0.0),
            attempts=Sum("attempts", filter=recent, default=0),
            failures=Sum("failures", filter=recent, default=0),
            recent=Avg("measure", filter=recent),
            usual=Avg("measure", filter=before),
            spread=StdDev("measure", filter=before),
            history=Count("measure", filter=before),
        )
    )
    lately = LayerRun.objects.filter(clip__project=project, state=State.DONE, done_at__gte=now - WINDOW).order_by()
    on_gpu = Exists(Batch.objects.filter(layer_run=OuterRef("pk"), queue="gpu"))
    spent = {
        "gpu_seconds": _sums(lately.filter(on_gpu), "seconds"),
        "dollars": _sums(lately, "api_calls__dollars"),
    }
    # People compare the beginning of the weights' SHA-256; the ledger has all of it.
    found = [
        LayerWatch(
            project=project,
            engine=f"{row['engine']} {choosing.short(row['engine_version'])}".strip(),
            counted_at=now,
            **{key: value for key, value in row.items() if key not in {"engine", "engine_version"}},
            **{key: sums.get((row["layer"], row["engine"], row["engine_version"]), 0.0) for key, sums in spent.items()},
        )
        for row in rows
    ]
    with transaction.atomic():
        LayerWatch.objects.filter(project=project).delete()
        LayerWatch.objects.bulk_create(found)
    return found


def _sums(rows: LayerRunQuerySet, what: str) -> dict[tuple[str, str, str], float]:
    """Sums of a column by layer, engine and version; without what has none."""
    found = rows.values_list("layer", "engine", "engine_version").annotate(sum=Sum(what))
    return {(layer, engine, version): float(total) for layer, engine, version, total in found if total}


@transaction.atomic
def _alert(project: Project) -> None:
    wanted = {(kind, about): sentence for kind, about, sentence in _wrong(project)}
    there = {(alert.kind, alert.about): alert for alert in Alert.objects.filter(project=project, closed_at=None)}
    for key in there.keys() - wanted.keys():
        there[key].closed_at = timezone.now()
        there[key].save(update_fields=["closed_at"])
    for kind, about in wanted.keys() - there.keys():
        Alert.objects.create(project=project, kind=kind, about=about, sentence=wanted[kind, about])
    if there.keys() ^ wanted.keys():
        announce_change(project_id=project.pk, kind="run", object_id="alerts")


def _wrong(project: Project) -> list[tuple[str, str, str]]:
    """Kind, what it is about, and a sentence, for everything that is not as it should be now."""
    watches = list(LayerWatch.objects.filter(project=project))
    return [*_errors(watches), *_drifts(watches), *_without_result(project), *_unserved(project)]


def _errors(watches: list[LayerWatch]) -> list[tuple[str, str, str]]:
    found: dict[str, list[int]] = {}
    for watch in watches:
        so_far = found.setdefault(watch.layer, [0, 0])
        so_far[0] += watch.failures
        so_far[1] += watch.attempts
    return [
        (
            Alert.Kind.ERRORS,
            layer,
            f"{failed} of {tried} attempts at {layer} failed in the last 24 hours ({failed / tried:.0%}); "
            f"the runs page shows why.",
        )
        for layer, (failed, tried) in found.items()
        if tried >= LEAST_ATTEMPTS and failed / tried > MOST_ERRORS
    ]


def _drifts(watches: list[LayerWatch]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for watch in watches:
        if watch.recent is None or watch.usual is None or not watch.spread:
            continue
        if watch.clips < LEAST_CLIPS or watch.history < LEAST_HISTORY:
            continue
        below = (watch.usual - watch.recent) / watch.spread
        if below > DRIFT:
            sentence = (
                f"{watch.layer} by {watch.engine} is {below:.1f} standard deviations below its history: "
                f"{watch.recent:.2f} on the {watch.clips} clips of the last 24 hours, {watch.usual:.2f} on the "
                f"{watch.history} before. Look at some of them: the footage may be of another kind, or a camera dirty."
            )
            found.append((Alert.Kind.DRIFT, watch.layer, sentence))
    return found


def _without_result(project: Project) -> list[tuple[str, str, str]]:
    """Runs of the window that had something to compute and came to nothing.

    What was done, or had failed, before a run was made and stands as it was is one of its layer runs, too.
    """
    since = LayerRun.objects.filter(runs=OuterRef("pk"), changed_at__gte=OuterRef("created_at"))
    runs = Run.objects.filter(project=project, settled_at__gte=timezone.now() - WINDOW)
    # In this order: of most runs a first layer run that is done is found at once.
    nothing = runs.filter(~Exists(since.filter(state=State.DONE))).filter(
        Exists(since.filter(state__in=[State.FAILED, State.BLOCKED]))
    )
    return [
        (Alert.Kind.NOTHING, f"run {pk}", f"Run {pk} over {clips} clips computed not a single frame.")
        for pk, clips in nothing.values_list("pk", "clip_count")
    ]


def _unserved(project: Project) -> list[tuple[str, str, str]]:
    """Queues in which the project's work waits and waits, as no running worker serves them."""
    names = workers.unserved(since=timezone.now() - workers.UNSERVED, project=project)
    return [
        (
            Alert.Kind.UNSERVED,
            f"queue {name}",
            f"Work waits in the queue {name} and no running worker serves it; start one with "
            f"`{queue.worker_command(name)}`.",
        )
        for name in names
    ]
