"""Which keyframes of a project are alike: clusters, near-duplicates, and how diverse each clip is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment import similarity
from frontend.access import PageRequest, Role, enter
from frontend.answers import telling

# More clips than this are a table nobody reads; all of them are in the Parquet file.
MOST_CLIPS = 100


@login_required
def similar(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    found = similarity.read(place.project)
    # Which comparison stands: what was asked for is there once another one does.
    stands = found.get("at", "") if found else ""
    if request.method == "POST":
        with telling(request, "A worker compares the keyframes; the result appears here."):
            similarity.ask(project=place.project)
        return redirect(f"{reverse('similar', args=[slug])}?{urlencode({'asked': stands})}")
    shown: dict[str, Any] = {"place": place, "here": "clips", "found": found, "stands": stands}
    shown["waits"] = request.GET.get("asked") == stands
    if found is not None:
        # A cluster of one is a keyframe that is like no other: counted, not shown.
        together = [cluster for cluster in found["clusters"] if cluster["keyframes"] > 1]
        shown |= {"clusters": together, "alone": len(found["clusters"]) - len(together)}
        shown["diversity"] = found["diversity"][:MOST_CLIPS]
        shown["table"] = similarity.folder(place.project) / "similarity.parquet"
    return render(request, "clips/similar.html", shown)
