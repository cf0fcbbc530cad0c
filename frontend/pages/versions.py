"""Both versions of a layer's results: beside each other on one clip, and over the whole project."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from enrichment import access as enrichment_access
from enrichment import comparing, kept, registry, runs
from enrichment.comparison import Differences
from enrichment.models import Comparison, LayerRun
from frontend import difference_plot, rows
from frontend.access import PageRequest, Place, Role, enter, enter_clip
from frontend.answers import telling

SORTS = {"id": "pk", "clip": "after__clip__name", "layer": "after__layer", "apart": "apart"}


@login_required
def versions(request: PageRequest, slug: str) -> HttpResponse:
    """What is kept, by layer, and how far the current version is from the one before, by clip."""
    place = enter(request, slug, Role.QA_LEAD)
    if request.method == "POST":
        return _change(request, place)
    layer = request.GET.get("layer", "")
    compared = comparing.of_project(place.project)
    if layer:
        compared = compared.filter(after__layer=layer)
    window = rows.window(compared, request, sorts=SORTS, default="-apart")
    lines = [(each, *comparing.told_apart(each.before, each.after)) for each in window.rows]
    shown: dict[str, Any] = {"place": place, "here": "runs", "window": window, "lines": lines, "layer": layer}
    if request.htmx and not window.first:
        return render(request, "versions/_rows.html", shown)
    every = kept.of_project(place.project)
    by_layer = (
        every.order_by()
        .values("layer")
        .annotate(count=Count("*"), clips=Count("clip", distinct=True), bytes=Sum("kept_bytes"), latest=Max("kept_at"))
    )
    shown |= {
        "layers": sorted(by_layer, key=lambda row: row["layer"]),
        "bytes": kept.disk_use(every),
        "count": every.count(),
        "means": _means(comparing.of_project(place.project)),
        "missing": len(comparing.missing(place.project)),
        "pinned": LayerRun.objects.current().filter(clip__project=place.project, pinned=True).count(),
    }
    return render(request, "versions/versions.html", shown)


def _means(compared: QuerySet[Comparison]) -> dict[str, dict[str, Any]]:
    """By layer: the measure, its mean over the clips that have one, and how many those are; one query."""
    found: dict[str, dict[str, Any]] = {}
    lines = compared.order_by().filter(mean__isnull=False).values("after__layer", "measure", "unit")
    for line in lines.annotate(total=Sum("mean"), clips=Count("*")):
        # Clips compared by another measure (depth with and without a scale) are no part of one mean.
        if line["clips"] > found.get(line["after__layer"], {}).get("clips", 0):
            found[line["after__layer"]] = line | {"mean": line["total"] / line["clips"]}
    return found


def _change(request: PageRequest, place: Place) -> HttpResponse:
    if "compare" in request.POST:
        count = comparing.ask_missing(place.project)
        with telling(request, f"{count} pairs are being compared; they appear here one after the other."):
            return redirect("versions", place.project.slug)
    if not place.is_manager:
        raise PermissionDenied("Managers drop versions: they cannot be brought back.")
    layer = request.POST.get("drop", "")
    chosen = kept.of_project(place.project)
    if layer:
        chosen = chosen.filter(layer=layer)
    with telling(request, "The older versions are dropped; what is current and what people made stays."):
        kept.drop(project=place.project, kept=chosen, by=request.user)
    return redirect("versions", place.project.slug)


@login_required
def compare(request: PageRequest, pk: int, layer: str) -> HttpResponse:
    """Two versions beside each other with the same frame."""
    place, clip = enter_clip(request, pk, Role.QA_LEAD)
    if layer not in registry.every():
        raise Http404(f"There is no layer {layer}.")
    there = comparing.versions_of(clip, layer)
    after = _chosen(there, request.GET.get("after", "")) or (there[0] if there else None)
    older = [row for row in there if row != after]
    before = _chosen(older, request.GET.get("before", "")) or (older[0] if older else None)
    shown: dict[str, Any] = {
        "place": place,
        "here": "clips",
        "clip": clip,
        "layer": registry.get(layer),
        "versions": there,
        "before": before,
        "after": after,
        "going": LayerRun.objects.current().unsettled().filter(clip=clip, layer=layer).first(),
    }
    if before is not None and after is not None:
        shown |= _difference(before, after, clip.frame_count)
        shown["sides"] = [("before", "Older", before), ("after", "Newer", after)]
        if before.done_at and after.done_at and before.done_at > after.done_at:
            shown["sides"] = [("before", "Newer, put aside", before), ("after", "Current", after)]
    if request.htmx:
        return render(request, "versions/_difference.html", shown)
    return render(request, "versions/compare.html", shown)


def _difference(before: LayerRun, after: LayerRun, count: int) -> dict[str, Any]:
    found = Comparison.objects.filter(before=before, after=after).first()
    if found is None or found.waiting_since is not None:
        comparing.ask(before.pk, after.pk)
        return {"frame": 0}
    pairs = [(int(frame), float(value)) for frame, value in found.values]
    return {
        "difference": found,
        "plot": difference_plot.draw(pairs, count=count, measure=found.measure, unit=found.unit) if pairs else None,
        "worst": Differences(same=found.same, values=dict(pairs)).worst(),
        "frame": found.worst_frame or 0,
        "compared": len(pairs),
    }


def _chosen(there: list[LayerRun], pk: str) -> LayerRun | None:
    return next((row for row in there if str(row.pk) == pk), None)


@login_required
@require_POST
def make_current(request: PageRequest, pk: int) -> HttpResponse:
    """Put a kept version in its place again."""
    found = enrichment_access.version_for(request.user, pk)
    with telling(
        request, "The version is being put in its place; what depends on it follows. Nothing of it is computed."
    ):
        run = runs.make_current(layer_run=found, by=request.user)
        return redirect("run", run.pk)
    return redirect("compare-versions", found.clip_id, found.layer)
