"""The clips of a project, and one clip with all that lies on it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation.models import Clip, Proposal, Task
from annotation.models.distinct import values_of
from enrichment import runs
from enrichment.models import ClipQuality, LayerRun
from frontend import quality_parts, rows
from frontend.access import PageRequest, Role, enter, enter_clip
from frontend.answers import telling
from review.models import Flag

SORTS = {"id": "id", "name": "name", "scene": "scene", "frames": "frame_count", "duration": "duration"}
SORTS |= {"size": "size", "quality": "quality"}
# More keyframes than this are a film strip nobody reads; the others are in the workbench.
STRIP = 24


@login_required
def clips(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    found = Clip.objects.of(place.project)
    words, scene = request.GET.get("q", ""), request.GET.get("scene", "")
    if words:
        found = found.matching(words)
    if scene:
        found = found.filter(scene=scene)
    window = rows.window(found, request, sorts=SORTS, default="-id")
    shown = {
        "place": place,
        "here": "clips",
        "window": window,
        "tasks": _first_tasks(window.rows),
        "q": words,
        "scene": scene,
    }
    if request.htmx and not window.first:
        return render(request, "clips/_rows.html", shown)
    total = rows.some(found) if words else found.count()
    shown |= {"total": total, "many": rows.MANY if words and total > rows.MANY else 0}
    if request.htmx:
        return render(request, "clips/_list.html", shown)
    shown["any"] = bool(total) or Clip.objects.of(place.project).exists()
    shown["scenes"] = values_of(Clip, "scene", project=place.project.pk)
    return render(request, "clips/clips.html", shown)


@login_required
def clip(request: PageRequest, pk: int) -> HttpResponse:
    place, found = enter_clip(request, pk)
    layers = LayerRun.objects.current().filter(clip=found)
    proposals = (
        Proposal.objects.current().filter(clip=found).order_by().values_list("kind", "label").annotate(n=Count("*"))
    )
    tasks = found.tasks.select_related("assignee")
    if not place.is_lead:
        # Annotators see their own work and what is free, never each other's.
        tasks = tasks.filter(assignee=request.user) | tasks.filter(state=Task.State.OPEN)
    shown = {
        "place": place,
        "here": "clips",
        "clip": found,
        "strip": _strip(found.keyframes),
        "layers": list(layers.order_by("id")),
        "proposals": sorted(proposals, key=lambda row: (row[0], -row[2])),
        "proposal_count": sum(row[2] for row in proposals),
        "tasks": list(tasks.order_by("second_of", "id")[:50]),
        "flags": list(Flag.objects.filter(clip=found, state=Flag.State.OPEN)[:20]) if place.is_lead else [],
        "quality": quality_parts.of(ClipQuality.objects.filter(pk=found.pk).first(), place.project),
        "kept": _kept(found) if place.is_lead else {},
        "has_lead": place.is_lead,
    }
    return render(request, "clips/_clip.html" if request.htmx else "clips/clip.html", shown)


def _kept(clip: Clip) -> dict[str, int]:
    """How many older versions there are, by layer."""
    rows = LayerRun.objects.kept().filter(clip=clip).order_by().values_list("layer").annotate(n=Count("*"))
    return dict(rows)


@login_required
@require_POST
def enrich(request: PageRequest, slug: str) -> HttpResponse:
    """Ask for the layers of one clip (`clip`) or of all; what is there already is not made again."""
    place = enter(request, slug, Role.QA_LEAD)
    one = request.POST.get("clip", "")
    chosen = [_clip_named(request, place.project.pk, one)] if one else None
    with telling(request, "Enrichment is asked for. This page may be left; the run goes on."):
        run = runs.request(project=place.project, clips=chosen, layers=None, by=request.user)
        return redirect("run", run.pk)
    return redirect("runs", slug)


def _clip_named(request: PageRequest, project_id: int, pk: str) -> Clip:
    """The clip that a form names, if it is in the project that the address names."""
    _, found = enter_clip(request, int(pk) if pk.isdecimal() else 0)
    if found.project_id != project_id:
        raise Http404(f"There is no clip {pk} in this project.")
    return found


def _first_tasks(found: list[Clip]) -> dict[int, Task]:
    tasks = Task.objects.primary().filter(clip__in=found).order_by("-id")
    return {task.clip_id: task for task in tasks}


def _strip(keyframes: list[int]) -> list[int]:
    """At most STRIP frames, evenly chosen, the first and the last among them."""
    if len(keyframes) <= STRIP:
        return keyframes
    return [keyframes[round(at * (len(keyframes) - 1) / (STRIP - 1))] for at in range(STRIP)]
