"""Which keyframes of a project are alike: clusters, near-duplicates, and how diverse each clip is."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render

from enrichment import similarity
from frontend.access import PageRequest, Role, enter
from frontend.answers import telling

# More clips than this are a table nobody reads; all of them are in the Parquet file.
MOST_CLIPS = 100


@login_required
def similar(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    if request.method == "POST":
        with telling(request, "A worker compares the keyframes; load this page again in a moment."):
            similarity.ask(project=place.project)
        return redirect("similar", slug)
    found = similarity.read(place.project)
    shown = {"place": place, "here": "clips", "found": found}
    if found is not None:
        shown["diversity"] = found["diversity"][:MOST_CLIPS]
        shown["table"] = similarity.folder(place.project) / "similarity.parquet"
    return render(request, "clips/similar.html", shown)
