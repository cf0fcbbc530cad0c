"""Enrichment as it goes on: the runs of a project, the layer graph of one, clip by clip where something is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from enrichment import progress, workers
from enrichment.models import Alert, Batch, LayerRun, Run
from frontend import layer_graph, rows
from frontend.access import PageRequest, Place, enter, enter_by_id
from frontend.layer_graph import LayerProgress

# Clips shown one by one; those with something wrong come first.
SHOWN = 100
# Sooner than there is an alert, yet a worker that starts again is heard of by then.
SAID_AFTER = timedelta(minutes=1)
State = LayerRun.State


@login_required
def runs(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    found = Run.objects.light().filter(project=place.project).select_related("by")
    window = rows.window(found, request, sorts={"id": "id"}, default="-id", size=20)
    far = progress.of_runs(window.rows)
    lines = [(run, far[run.pk].states) for run in window.rows]
    alerts = Alert.objects.filter(project=place.project, closed_at=None).count()
    shown: dict[str, Any] = {"place": place, "here": "runs", "window": window, "lines": lines, "alerts": alerts}
    shown["any"] = place.project.clips.exists()
    since = timezone.now() - SAID_AFTER
    shown["unserved"] = workers.unserved(since=since, project=place.project) if place.is_lead else []
    if request.htmx and not window.first:
        return render(request, "runs/_rows.html", shown)
    if window.rows:
        shown |= _of(window.rows[0], place)
    return render(request, "runs/_runs.html" if request.htmx else "runs/runs.html", shown)


@login_required
def run(request: PageRequest, pk: int) -> HttpResponse:
    found = Run.objects.light().select_related("project", "by").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no run {pk}, or you are not in its project.")
    place = enter_by_id(request, found.project)
    # Runs of a clip that failed come first, then those under way.
    trouble = (
        found.layer_runs.filter(state__in=[State.FAILED, State.BLOCKED]).select_related("clip").order_by("clip", "id")
    )
    going = found.layer_runs.filter(state=State.RUNNING).select_related("clip").order_by("clip", "id")
    shown = {"place": place, "here": "runs", "trouble": list(trouble[:SHOWN]), "going": list(going[:20])} | _of(
        found, place
    )
    return render(request, "runs/_run.html" if request.htmx else "runs/run.html", shown)


def _of(found: Run, place: Place) -> dict[str, Any]:
    now = progress.of_run(found)
    layers = {layer.layer: LayerProgress.of(layer) for layer in now.layers if layer.states}
    return {
        "run": found,
        "graph": layer_graph.draw(layers),
        "done": now.batches_done,
        "total": now.batches_total,
        "left": _seconds_left(found, now.batches_total - now.batches_done),
        "planning_left": _seconds_of_planning_left(found),
        "failed": now.states.get(State.FAILED, 0),
        "place": place,
    }


def _seconds_left(found: Run, left: int) -> float | None:
    """From the batches of the last minutes; None when nothing can be said yet."""
    if found.settled_at is not None or found.planned_at is None or left <= 0:
        return None  # nobody knows yet how many batches there will be
    since = max(found.created_at, timezone.now() - timedelta(minutes=5))
    lately = Batch.objects.filter(layer_run__runs=found, done_at__gte=since).count()
    seconds = (timezone.now() - since).total_seconds()
    return left * seconds / lately if lately >= 2 else None


def _seconds_of_planning_left(found: Run) -> float | None:
    """From how long the clips took that are planned; None when that says nothing yet."""
    if found.planned_at is not None or not found.clips_planned:
        return None
    seconds = (timezone.now() - found.created_at).total_seconds()
    return (found.clip_count - found.clips_planned) * seconds / found.clips_planned
