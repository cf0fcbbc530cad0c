"""Deliveries: asked for by a form, followed while they are made, listed with size, counts and hashes."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation.models import Label, Task
from delivery import access as delivery_access
from delivery import deliveries
from delivery.filters import DEFAULT_STATUS, STATES
from delivery.formats import registry
from delivery.models import Delivery
from frontend import rows
from frontend.access import PageRequest, Place, Role, enter, enter_by_id
from frontend.answers import telling

STATUS_NAMES = {
    "accepted": "Accepted work only",
    "submitted": "Accepted, and what waits for review",
    "any": "Everything, unfinished work too",
}


@login_required
def deliveries_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.MANAGER)
    if request.method == "POST":
        return _ask(request, place)
    found = Delivery.objects.filter(project=place.project).select_related("project", "by", "snapshot")
    window = rows.window(found, request, sorts={"id": "id", "size": "size", "format": "format"}, default="-id", size=30)
    shown: dict[str, Any] = {"place": place, "here": "deliveries", "window": window}
    if request.htmx:
        return render(request, "deliveries/_list.html" if window.first else "deliveries/_rows.html", shown)
    accepted = Task.objects.primary().filter(project=place.project, state=Task.State.ACCEPTED).count()
    shown |= {
        "formats": list(registry.every().values()),
        "statuses": [(status, STATUS_NAMES.get(status, status)) for status in STATES],
        "default_status": DEFAULT_STATUS,
        "labels": Label.objects.filter(project=place.project),
        "clips": request.GET.get("clips", ""),
        "accepted": accepted,
    }
    return render(request, "deliveries/deliveries.html", shown)


def _ask(request: PageRequest, place: Place) -> HttpResponse:
    name = request.POST.get("format", "")
    # Each format's options are in the form under its own name, so that two formats may have one of the same name.
    options = {
        field.removeprefix(f"option-{name}-"): value
        for field, value in request.POST.items()
        if field.startswith(f"option-{name}-")
    }
    filters = {
        "review_status": request.POST.get("review_status", DEFAULT_STATUS),
        "labels": request.POST.getlist("labels"),
        "clips": [int(number) for number in re.findall(r"\d{1,12}", request.POST.get("clips", ""))],
    }
    with telling(request, "The delivery is asked for. This page may be left; it goes on."):
        made = deliveries.request(project=place.project, format=name, filters=filters, options=options, by=request.user)
        return redirect("delivery", made.pk)
    return redirect("deliveries", place.project.slug)


@login_required
def delivery(request: PageRequest, pk: int) -> HttpResponse:
    found = delivery_access.delivery_for(request.user, pk)
    place = enter_by_id(request, found.project, Role.MANAGER)
    shown = {
        "place": place,
        "here": "deliveries",
        "delivery": found,
        "files": deliveries.files(found),
    }
    return render(request, "deliveries/_delivery.html" if request.htmx else "deliveries/delivery.html", shown)


@login_required
@require_POST
def once_more(request: PageRequest, pk: int) -> HttpResponse:
    """Try a failed delivery again, or make the same revisions of a finished one once more."""
    found = delivery_access.delivery_for(request.user, pk)
    enter_by_id(request, found.project, Role.MANAGER)
    with telling(request, "It is queued."):
        if found.state == Delivery.State.FAILED:
            deliveries.retry(delivery=found, by=request.user)
        else:
            found = deliveries.again(delivery=found, by=request.user)
    return redirect("delivery", found.pk)
