"""Which keyframes of a project are alike: clusters, near-duplicates, and how diverse each clip is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render

from enrichment import similarity, surveys, workers
from enrichment.models import Survey
from frontend.access import PageRequest, Role, enter
from frontend.answers import telling

# More clips than this are a table nobody reads; all of them are in the Parquet file.
MOST_CLIPS = 100


@login_required
def similar(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    found = similarity.read(place.project)
    if request.method == "POST":
        with telling(request, "A worker compares the keyframes; the result appears here."):
            surveys.ask(project=place.project, by=request.user)
        return redirect("similar", slug=slug)
    shown: dict[str, Any] = {"place": place, "here": "clips", "found": found}
    asked = Survey.objects.filter(project=place.project).first()
    if asked is not None and asked.is_open:
        shown["waits"] = True
        shown["unserved"] = asked.state == Survey.State.QUEUED and not workers.serve("files")
    elif asked is not None:
        shown["failed"] = asked.error
    if found is not None:
        # A cluster of one is a keyframe that is like no other: counted, not shown.
        together = [cluster for cluster in found["clusters"] if cluster["keyframes"] > 1]
        shown |= {"clusters": together, "alone": len(found["clusters"]) - len(together)}
        shown["diversity"] = found["diversity"][:MOST_CLIPS]
        shown["table"] = similarity.folder(place.project) / "similarity.parquet"
    return render(request, "clips/similar.html", shown)
