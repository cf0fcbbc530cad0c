"""Plots of a project, for its QA leads and managers."""

from __future__ import annotations

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse

from frontend import figures, plots
from frontend.access import PageRequest, Role, enter


# A plot's colours stand in a style element of its own; the picture has no script.
@csp_update({"style-src": ["'unsafe-inline'"]})  # type: ignore[arg-type]
@login_required
def plot(request: PageRequest, slug: str, name: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    if name == "throughput":
        drawn = plots.throughput(*figures.throughput(place.project))
    elif name == "agreement":
        drawn = plots.agreement(figures.agreement(place.project))
    else:
        raise Http404(f"There is no plot {name}; there are throughput and agreement.")
    answer = HttpResponse(drawn.svg, content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=30"
    return answer
