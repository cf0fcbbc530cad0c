"""The upload page: files on their way in, and what came of them. The bytes go through the API (tus)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render

from annotation.models import Upload
from frontend.access import PageRequest, Role, enter

SHOWN = 100
ABOUT = (
    ("scene", "Scene"),
    ("environment", "Environment"),
    ("device", "Device"),
    ("session", "Capture session"),
    ("site", "Site (city)"),
    ("licence", "Licence"),
    ("consent", "Consent"),
)


@login_required
def uploads(request: PageRequest, slug: str) -> HttpResponse:
    """What anybody sends into the project; bringing footage in, with its licence and consent, is a manager's."""
    place = enter(request, slug, Role.MANAGER)
    found = Upload.objects.filter(project=place.project).select_related("by", "clip")
    shown = {"place": place, "here": "clips", "uploads": list(found[:SHOWN]), "about": ABOUT}
    return render(request, "uploads/_list.html" if request.htmx else "uploads/uploads.html", shown)
