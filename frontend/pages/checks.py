"""What each check of a project has raised, and what people made of it; one check in detail."""

from __future__ import annotations

from math import isfinite
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from enrichment import runs, thresholds, unjudged
from enrichment.errors import RunRefused
from frontend import histogram
from frontend.access import PageRequest, Place, Role, enter
from frontend.answers import telling
from review import check_figures


@login_required
def checks_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    if request.method == "POST":
        return _set(request, place)
    found = check_figures.checks(place.project)
    asked = request.GET.get("check", "")
    by = request.GET.get("by", "")
    by = by if by in check_figures.BREAKDOWNS else "label"
    # The check that raised the most is what one comes for.
    busiest = max(found, key=lambda each: each.tally.raised, default=None)
    chosen = next((each for each in found if each.name == asked), busiest)
    skipped = unjudged.of_project(place.project)
    shown: dict[str, Any] = {
        "place": place,
        "here": "flags",
        "checks": found,
        "not_judged": {check: sum(each.clips + each.tasks for each in reasons) for check, reasons in skipped.items()},
        "counted": unjudged.COUNTED,
        "chosen": chosen,
        "by": by,
        "breakdowns": list(check_figures.BREAKDOWNS),
        "days": check_figures.DAYS,
    }
    if chosen is not None:
        shown["reasons"] = skipped.get(chosen.name, [])
        shown["lines"] = check_figures.breakdown(place.project, chosen.name, by)
        try:
            shown["histograms"] = [histogram.draw(each) for each in check_figures.measured(place.project, chosen.name)]
        except RunRefused as error:  # set before such values were refused
            layer = thresholds.layer_of(chosen.name)
            shown["unfit"] = str(error)
            shown["unfit_names"] = thresholds.unfit(place.project.pk, layer.name) if layer is not None else []
    return render(request, "flags/checks.html", shown)


def _set(request: PageRequest, place: Place) -> HttpResponse:
    """Set one threshold of a check for the project, as its histogram's form says; or give up all that do not fit."""
    if not place.is_manager:
        raise PermissionDenied("Thresholds are set by managers.")
    check, name = request.POST.get("check", ""), request.POST.get("threshold", "")
    layer = thresholds.layer_of(check)
    if layer is None:
        raise Http404(f"There is no check {check} whose thresholds can be set.")
    known = thresholds.given(place.project.pk, layer.name)
    unfit = thresholds.unfit(place.project.pk, layer.name) if "default" in request.POST else []
    done = f"{' and '.join(unfit)} {'are' if len(unfit) > 1 else 'is'} as by default" if unfit else f"{name} is set"
    with telling(request, f"{done}. The next run of the check uses it; flags that stand stay until then."):
        if "default" in request.POST:
            parameters = {key: value for key, value in known.items() if key not in unfit}
        else:
            whole = isinstance(getattr(layer.Parameters, name, None), int)
            parameters = known | {name: _number(name, request.POST.get("value", ""), whole=whole)}
        runs.configure(project=place.project, layer=layer.name, parameters=parameters, by=request.user)
    return redirect(f"{request.path}?{urlencode({'check': check})}#measures")


def _number(name: str, text: str, *, whole: bool) -> float:
    """A number as people write it.

    Raises:
        RunRefused: it is none, or has a fraction where only whole ones make sense.
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not isfinite(value) or (whole and not value.is_integer()):
        raise RunRefused(f"{name} is {text!r}, but it must be a {'whole ' * whole}number.")
    return int(value) if whole else value
