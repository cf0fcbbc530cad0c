"""Enrichment as it goes on: the runs of a project, the layer graph of one, clip by clip where something is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from enrichment.models import Batch, LayerRun, Run
from frontend import layer_graph, rows
from frontend.access import PageRequest, Place, enter, enter_by_id
from frontend.layer_graph import LayerProgress

# Clips shown one by one; those with something wrong come first.
SHOWN = 100
State = LayerRun.State


@login_required
def runs(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    found = Run.objects.filter(project=place.project).select_related("by")
    window = rows.window(found, request, sorts={"id": "id"}, default="-id", size=20)
    progress = _by_run(window.rows)
    lines = [(run, progress.get(run.pk, {})) for run in window.rows]
    shown: dict[str, Any] = {"place": place, "here": "runs", "window": window, "lines": lines}
    if request.htmx and not window.first:
        return render(request, "runs/_rows.html", shown)
    if window.rows:
        shown |= _of(window.rows[0], place)
    return render(request, "runs/_runs.html" if request.htmx else "runs/runs.html", shown)


@login_required
def run(request: PageRequest, pk: int) -> HttpResponse:
    found = Run.objects.select_related("project", "by").filter(pk=pk).first()
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
    layers = by_layer(found.layer_runs.all())
    done = sum(layer.batches_done for layer in layers.values())
    total = sum(layer.batches_total for layer in layers.values())
    return {
        "run": found,
        "graph": layer_graph.draw(layers),
        "done": done,
        "total": total,
        "left": _seconds_left(found, total - done),
        "failed": sum(layer.clips.get(State.FAILED, 0) for layer in layers.values()),
        "place": place,
    }


def by_layer(found: Any) -> dict[str, LayerProgress]:
    """Progress by layer over a set of layer runs, in one query."""
    lines = (
        found.order_by().values_list("layer", "state").annotate(Count("pk"), Sum("batches_done"), Sum("batches_total"))
    )
    return _grouped(lines)


def _grouped(lines: Iterable[tuple[str, str, int, int, int]]) -> dict[str, LayerProgress]:
    clips: dict[str, dict[str, int]] = {}
    batches: dict[str, list[int]] = {}
    for layer, state, count, done, total in lines:
        clips.setdefault(layer, {})[state] = count
        so_far = batches.setdefault(layer, [0, 0])
        so_far[0] += done or 0
        so_far[1] += total or 0
    return {layer: LayerProgress(layer, clips[layer], *batches[layer]) for layer in clips}


def _by_run(found: list[Run]) -> dict[int, dict[str, int]]:
    """How many layer runs of each run are in each state, in one query."""
    lines = LayerRun.objects.filter(runs__in=found).order_by().values_list("runs", "state").annotate(Count("pk"))
    counts: dict[int, dict[str, int]] = {}
    for pk, state, count in lines:
        counts.setdefault(pk, {})[state] = count
    return counts


def _seconds_left(found: Run, left: int) -> float | None:
    """From the batches of the last minutes; None when nothing can be said yet."""
    if found.settled_at is not None or left <= 0:
        return None
    since = max(found.created_at, timezone.now() - timedelta(minutes=5))
    lately = Batch.objects.filter(layer_run__runs=found, done_at__gte=since).count()
    seconds = (timezone.now() - since).total_seconds()
    return left * seconds / lately if lately >= 2 else None
