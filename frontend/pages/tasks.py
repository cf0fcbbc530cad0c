"""The tasks of a project, and the next one from the queue."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation import access, tasks
from annotation.models import Task
from frontend import progress, rows
from frontend.access import PageRequest, Place, Role, enter, enter_review
from frontend.answers import telling

SORTS = {"id": "id", "clip": "clip__name", "state": "state", "changed": "changed_at", "time": "seconds_spent"}


@login_required
def tasks_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    state, whose = request.GET.get("state", ""), request.GET.get("whose", "")
    found = _visible(request, place)
    counts = progress.by_project(found).get(place.project.pk, progress.Progress())
    if state in Task.State.values:
        found = found.filter(state=state)
    if whose == "mine":
        found = found.filter(assignee=request.user)
    if words := request.GET.get("q", ""):
        found = found.filter(clip__name__icontains=words)
    window = rows.window(found.select_related("clip", "assignee"), request, sorts=SORTS, default="-changed")
    shown = {
        "place": place,
        "here": "tasks",
        "window": window,
        "progress": counts,
        "states": Task.State.choices,
        "state": state,
        "whose": whose,
        "q": words,
        "claimable": progress.claimable(request.user, {place.project.pk: counts}).get(place.project.pk, 0),
        "in_hand": Task.objects.filter(project=place.project).waiting_for(request.user).exists(),
    }
    if request.htmx:
        return render(request, "tasks/_list.html" if window.first else "tasks/_rows.html", shown)
    return render(request, "tasks/tasks.html", shown)


@login_required
@require_POST
def take_next(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    task = tasks.claim_next(project=place.project, user=request.user)
    if task is None:
        messages.info(request, f"The queue of {place.project.name} is empty for you: every task is taken or done.")
        return redirect("tasks", slug)
    return redirect("workbench", task.pk)


@login_required
@require_POST
def ask_second(request: PageRequest, slug: str, pk: int) -> HttpResponse:
    """A QA lead asks for a second annotator on the same frames."""
    place, task = enter_review(request, slug, pk)
    access.demand(request.user, place.project, Role.QA_LEAD)
    another = "another" in request.POST
    with telling(request, f"{'One more' if another else 'A second'} annotator will do the frames of task {pk}, too."):
        tasks.ask_second(task=task.second_of or task, by=request.user, another=another)
    return redirect("review", place.project.slug, pk)


def _visible(request: PageRequest, place: Place) -> QuerySet[Task]:
    """Annotators see their own tasks and free ones; leads see all."""
    found = Task.objects.filter(project=place.project)
    if place.is_lead:
        return found
    return found.filter(assignee=request.user) | found.filter(state=Task.State.OPEN)
