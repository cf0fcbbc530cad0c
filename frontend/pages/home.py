"""Home: what waits for this person, in all their projects."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render

from annotation import access
from annotation.models import Task
from frontend import figures, overview, progress
from frontend.access import PageRequest
from review.models import Flag

# Projects whose plots are shown at once; the others' are on their own pages.
PLOTTED = 2


@login_required
def home(request: PageRequest) -> HttpResponse:
    found = list(access.projects_of(request.user))
    lines = overview.lines(request.user, found)
    tasks = Task.objects.filter(project__in=found)
    in_hand = list(
        tasks.waiting_for(request.user).select_related("project", "clip").order_by("-state", "-priority", "id")[:50]
    )
    free = progress.claimable(request.user, {line.project.pk: line.progress for line in lines})
    done = tasks.filter(assignee=request.user, state__in=[Task.State.SUBMITTED, Task.State.ACCEPTED])
    led = [line for line in lines if line.is_lead]
    managed = [line for line in lines if line.is_manager]
    watched = [line.project for line in led]
    flags = Flag.objects.open().filter(project__in=watched)
    in_review = Task.objects.filter(project__in=watched, state=Task.State.SUBMITTED)
    shown = {
        "lines": lines,
        # Asked only where there is room for the offer.
        "may_make": not lines and access.may_make_projects(request.user),
        "sent_back": [task for task in in_hand if task.state == Task.State.SENT_BACK],
        "in_hand": [task for task in in_hand if task.state == Task.State.IN_PROGRESS],
        "queues": [(line.project, free[line.project.pk]) for line in lines if free.get(line.project.pk)],
        "done": list(done.select_related("project", "clip").order_by("-changed_at")[:8]),
        "led": led,
        "worst_flags": list(flags.worst_first().select_related("clip", "project")[:6]),
        "to_review": dict(in_review.order_by().values_list("project_id").annotate(n=Count("*"))),
        "in_review": list(in_review.select_related("clip", "project", "assignee").order_by("submitted_at")[:6]),
        "severities": (3, 2, 1),
        "managed": managed,
        "plotted": [(line.project, figures.in_words(line.project)) for line in managed[:PLOTTED]],
    }
    return render(request, "home/home.html", shown)
