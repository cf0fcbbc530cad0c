"""Which keyframes of a project are alike: clusters, near-duplicates, and how diverse each clip is."""

from __future__ import annotations

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
    if request.method == "POST":
        first = similarity.read(place.project) is None
        where = "the result appears here" if first else "load this page again in a moment"
        with telling(request, f"A worker compares the keyframes; {where}."):
            similarity.ask(project=place.project)
        return redirect(f"{reverse('similar', args=[slug])}?asked")
    found = similarity.read(place.project)
    shown = {"place": place, "here": "clips", "found": found, "asked": "asked" in request.GET}
    if found is not None:
        # A cluster of one is a keyframe that is like no other: counted, not shown.
        together = [cluster for cluster in found["clusters"] if cluster["keyframes"] > 1]
        shown |= {"clusters": together, "alone": len(found["clusters"]) - len(together)}
        shown["diversity"] = found["diversity"][:MOST_CLIPS]
        shown["table"] = similarity.folder(place.project) / "similarity.parquet"
    return render(request, "clips/similar.html", shown)
