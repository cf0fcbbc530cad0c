"""Ctrl+K: any project, clip, task or command that the person may open, from a few letters."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from annotation import access
from annotation.models import Clip, Membership, Project, Task
from frontend.access import PageRequest, Place

EACH = 6
MOST = 30


@dataclass(frozen=True)
class Found:
    icon: str
    what: str
    where: str
    address: str


@login_required
def palette(request: PageRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100]
    mine = access.projects_of(request.user)
    here = mine.filter(slug=request.GET.get("project", "")).first()
    found = [each for each in _commands(request, here) if _fits(words, each.what)]
    found += _projects(list(mine), words)
    if words:
        found += _clips(Clip.objects.filter(project__in=mine).matching(words))
        found += _tasks(request, words)
    return render(request, "palette/_found.html", {"found": found[:MOST], "words": words})


def _fits(words: str, name: str) -> bool:
    return all(word in name.lower() for word in words.lower().split())


def _commands(request: PageRequest, here: Project | None) -> list[Found]:
    found = [
        Found("house", "Home", "", reverse("home")),
        Found("key-round", "Account and token", "", reverse("account")),
    ]
    if access.may_make_projects(request.user):
        found.append(Found("plus", "New project", "", reverse("projects") + "#new"))
    if here is None:
        return found
    place = Place(here, access.role_in(request.user, here) or Membership.Role.ANNOTATOR)
    pages = [
        ("layout-dashboard", "Overview", "project", True),
        ("film", "Clips", "clips", True),
        ("upload", "Upload clips", "uploads", place.is_manager),
        ("table", "Query the metadata", "query", place.is_lead),
        ("copy", "Similar frames", "similar", place.is_lead),
        ("list-checks", "Tasks", "tasks", True),
        ("flag", "Flags", "flags", place.is_lead),
        ("chart-column", "What checks raise", "checks", place.is_lead),
        ("workflow", "Runs", "runs", True),
        ("activity", "Health of the machine work", "health", place.is_lead),
        ("layers", "Versions of layers", "versions", place.is_lead),
        ("receipt", "Calls of paid services", "calls", place.is_manager),
        ("package", "Deliveries", "deliveries", place.is_manager),
        ("book-open", "Guidelines", "guidelines", True),
        ("tags", "Taxonomy", "taxonomy", True),
        ("spell-check", "Grammar of segments", "grammar", True),
        ("cpu", "Engines", "engines", place.is_manager),
        ("users", "People and roles", "people", place.is_manager),
        ("settings", "Project settings", "settings", place.is_manager),
    ]
    return [
        Found(icon, name, here.name, reverse(view, args=[here.slug])) for icon, name, view, shown in pages if shown
    ] + found


def _projects(mine: list[Project], words: str) -> list[Found]:
    fitting = [project for project in mine if _fits(words, f"{project.name} {project.slug}")][:EACH]
    return [Found("aperture", project.name, "project", reverse("project", args=[project.slug])) for project in fitting]


def _clips(found: object) -> list[Found]:
    clips = found.select_related("project")[:EACH]  # type: ignore[attr-defined]
    return [
        Found("film", clip.name, f"clip {clip.pk} in {clip.project.name}", reverse("clip", args=[clip.pk]))
        for clip in clips
    ]


def _tasks(request: PageRequest, words: str) -> list[Found]:
    """By number ("12", "task 12") or by the clip's name. Only those that the person may open."""
    number = words.lower().removeprefix("task").strip()
    found = (
        Task.objects.filter(pk=int(number))
        if number.isdecimal() and len(number) < 10
        else Task.objects.filter(clip__name__icontains=words)
    )
    if not request.user.is_superuser:
        led = Membership.objects.filter(user=request.user).exclude(role=Membership.Role.ANNOTATOR).values("project")
        own = Membership.objects.filter(user=request.user).values("project")
        found = found.filter(project__in=led) | found.filter(project__in=own, assignee=request.user)
    return [
        Found(
            "list-checks",
            f"Task {task.pk}",
            f"{task.clip.name}, {task.get_state_display().lower()}",
            reverse("workbench", args=[task.pk]),
        )
        for task in found.select_related("clip")[:EACH]
    ]
