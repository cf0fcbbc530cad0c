"""The flag queue, worst first, and one flag: the exact frame, the evidence over it, one line of reason, a decision."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation.models import Clip, Task
from annotation.models.distinct import values_of
from enrichment.errors import CorrectionRefused
from frontend import drawn_path, rows
from frontend.access import PageRequest, Role, enter
from frontend.answers import render_form, telling
from review import flags, interpolating
from review.models import Flag

SORTS = {"severity": "severity", "id": "id", "check": "check_name", "frame": "start"}
# How far one may step before and after what a flag is about.
AROUND = 15


@login_required
def flags_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    asked = {name: request.GET.get(name, "") for name in ("state", "severity", "check", "clip")}
    found = Flag.objects.filter(project=place.project)
    # "all" is said aloud, because what is open is what one comes for.
    state = asked["state"] or Flag.State.OPEN
    if state in Flag.State.values:
        found = found.filter(state=state)
    if asked["severity"].isdecimal():
        found = found.filter(severity=int(asked["severity"]))
    if asked["check"]:
        found = found.filter(check_name=asked["check"])
    if asked["clip"].isdecimal():
        found = found.filter(clip=int(asked["clip"]))
    window = rows.window(found.select_related("clip", "task__assignee"), request, sorts=SORTS, default="-severity")
    shown = {
        "place": place,
        "here": "flags",
        "window": window,
        "asked": asked | {"state": state},
        "states": Flag.State.choices,
        "severities": sorted(Flag.Severity.choices, reverse=True),
    }
    if request.htmx and not window.first:
        return render(request, "flags/_rows.html", shown)
    shown["total"] = found.count()
    if request.htmx:
        return render(request, "flags/_list.html", shown)
    shown["checks"] = values_of(Flag, "check_name", project=place.project.pk)
    shown["clip"] = (
        Clip.objects.of(place.project).filter(pk=asked["clip"]).first() if asked["clip"].isdecimal() else None
    )
    return render(request, "flags/flags.html", shown)


@login_required
def flag(request: PageRequest, slug: str, pk: int) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    found = (
        Flag.objects.filter(project=place.project, pk=pk)
        .select_related("clip__project", "task__assignee", "decided_by", "correction")
        .first()
    )
    if found is None:
        raise Http404(f"There is no flag {pk} in {place.project.name}.")
    told: telling | None = None
    if request.method == "POST":
        verdict = dict(Flag.State.choices).get(request.POST.get("verdict", ""), "decided").lower()
        with telling(request, f"Flag {pk} is {verdict}; the next open one follows, as long as there is one.") as told:
            flags.decide(
                flag=found,
                verdict=request.POST.get("verdict", ""),
                by=request.user,
                reason=request.POST.get("reason", ""),
            )
            following = _next(found)
            return redirect("flag", slug, following.pk) if following else redirect("flags", slug)
        found.refresh_from_db()  # somebody else may have been first
    shown = {
        "place": place,
        "here": "flags",
        "flag": found,
        "task": found.task or _task_at(found),
        "first": max(0, found.start - AROUND),
        "last": min(found.clip.frame_count, found.end + AROUND) - 1,
        "following": _next(found),
        **_offered(found),
    }
    return render_form(request, "flags/flag.html", shown, field="reason", told=told)


@login_required
@require_POST
def interpolate(request: PageRequest, slug: str, pk: int) -> HttpResponse:
    """Settle a flag by interpolating its joints, or take that back (`undo`)."""
    place = enter(request, slug, Role.QA_LEAD)
    found = Flag.objects.filter(project=place.project, pk=pk).first()
    if found is None:
        raise Http404(f"There is no flag {pk} in {place.project.name}.")
    if "undo" in request.POST:
        with telling(request, "The interpolation is taken back.") as told:
            now = interpolating.undo(flag=found, by=request.user)
            told.done = f"The interpolation is taken back; the flag is {now.get_state_display().lower()}."
        return redirect("flag", slug, pk)
    with telling(request, "The frames are interpolated; the layers that read the pose are computed again."):
        interpolating.accept(flag=found, by=request.user)
    return redirect("flag", slug, pk)


def _offered(flag: Flag) -> dict[str, object]:
    """What interpolating would give, to be drawn over the picture, or why it cannot be offered."""
    if not flag.is_open or interpolating.wanted(flag) is None:
        return {}
    try:
        found = interpolating.propose(flag)
    except CorrectionRefused as error:
        return {"not_offered": str(error)}
    return {"offered": [drawn_path.draw(keypoint, path) for keypoint, path in found.paths.items()]}


def _next(flag: Flag) -> Flag | None:
    """The worst open flag of the project but this one."""
    return Flag.objects.open().filter(project=flag.project_id).exclude(pk=flag.pk).worst_first().first()


def _task_at(flag: Flag) -> Task | None:
    """Where a doubt about proposals is mended: the first task on those frames."""
    touching = Task.objects.primary().filter(clip=flag.clip, start__lt=flag.end, end__gt=flag.start)
    return touching.select_related("assignee").order_by("start").first()
