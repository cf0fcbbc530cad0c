"""What each check of a project has raised, and what people made of it; one check in detail."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render

from frontend import histogram
from frontend.access import PageRequest, Role, enter
from review import check_figures


@login_required
def checks_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    found = check_figures.checks(place.project)
    asked = request.GET.get("check", "")
    by = request.GET.get("by", "")
    by = by if by in check_figures.BREAKDOWNS else "label"
    # The check that raised the most is what one comes for.
    busiest = max(found, key=lambda each: each.tally.raised, default=None)
    chosen = next((each for each in found if each.name == asked), busiest)
    shown = {
        "place": place,
        "here": "flags",
        "checks": found,
        "chosen": chosen,
        "by": by,
        "breakdowns": list(check_figures.BREAKDOWNS),
        "days": check_figures.DAYS,
    }
    if chosen is not None:
        shown["lines"] = check_figures.breakdown(place.project, chosen.name, by)
        shown["histograms"] = [histogram.draw(each) for each in check_figures.measured(place.project, chosen.name)]
    return render(request, "flags/checks.html", shown)
