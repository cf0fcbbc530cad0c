"""Calls of services over the network: every one with its cost, and totals by day and model [E11]."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from enrichment.models import ApiCall
from enrichment.models.api_call import ApiCallQuerySet
from frontend import rows
from frontend.access import PageRequest, Role, enter

SORTS = {"id": "id", "began": "began_at"}
OUTCOMES = {"failed": ~Q(error=""), "fine": Q(error="")}
FILTERS = {"layer": "layer_run__layer", "model": "model", "prompt": "prompt"}
# So many days and models are summed up; the rest is in the CSV.
TOTALS = 60
CHOICES = 100
# Lines of the CSV that are read and sent at once.
PIECE = 1000
COLUMNS = (
    *("call", "began_at", "clip_id", "clip", "layer", "service", "model", "prompt", "attempt", "seconds", "status"),
    *("tokens_in", "tokens_out", "dollars", "error"),
)


@login_required
def calls(request: PageRequest, slug: str) -> HttpResponseBase:
    place = enter(request, slug, Role.MANAGER)
    every = ApiCall.objects.of(place.project)
    asked = {name: request.GET.get(name, "") for name in (*FILTERS, "outcome", "clip")}
    found = _filtered(every, asked)
    if request.GET.get("as") == "csv":
        answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{place.project.slug}-calls.csv"'
        return answer
    window = rows.window(found.select_related("layer_run__clip"), request, sorts=SORTS, default="-id")
    shown = {"place": place, "here": "runs", "window": window, "asked": asked}
    if request.htmx and not window.first:
        return render(request, "runs/_call_rows.html", shown)
    shown |= {
        "totals": _totals(found),
        "sum": found.aggregate(
            calls=Count("*"), tokens_in=Sum("tokens_in"), tokens_out=Sum("tokens_out"), dollars=Sum("dollars")
        ),
        "choices": [(name, _choices(every, path)) for name, path in FILTERS.items()],
        "address": request.GET.urlencode(),
    }
    return render(request, "runs/calls.html", shown)


def _filtered(found: ApiCallQuerySet, asked: dict[str, str]) -> ApiCallQuerySet:
    for name, path in FILTERS.items():
        if asked[name]:
            found = found.filter(**{path: asked[name]})
    if asked["outcome"] in OUTCOMES:
        found = found.filter(OUTCOMES[asked["outcome"]])
    if asked["clip"].isdecimal():
        found = found.filter(layer_run__clip=int(asked["clip"]))
    return found


def _totals(found: ApiCallQuerySet) -> list[Mapping[str, Any]]:
    by_day = found.order_by().annotate(day=TruncDate("began_at")).values("day", "service", "model")
    summed = by_day.annotate(
        calls=Count("*"),
        failed=Count("pk", filter=OUTCOMES["failed"]),
        tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"),
        dollars=Sum("dollars"),
    )
    return [dict(each) for each in summed.order_by("-day", "service", "model")[:TOTALS]]


def _choices(found: ApiCallQuerySet, path: str) -> list[str]:
    return list(found.order_by(path).values_list(path, flat=True).distinct()[:CHOICES])


async def _lines(found: ApiCallQuerySet) -> AsyncIterator[str]:
    """The table in pieces of some lines, so that it is never whole in memory.

    Asynchronous, as under ASGI Django would collect an ordinary iterator whole before it sends the first byte.
    """
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    calls = found.select_related("layer_run__clip").order_by("id").aiterator(chunk_size=PIECE)
    written = 0
    async for call in calls:
        writer.writerow(_cells(call))
        written += 1
        if written % PIECE == 0:
            yield held.getvalue()
            held.seek(0)
            held.truncate()
    yield held.getvalue()


def _cells(call: ApiCall) -> list[str]:
    run = call.layer_run
    place = (run.clip_id, run.clip.name, run.layer) if run else ("", "", "")
    spent = (call.seconds, call.status, call.tokens_in, call.tokens_out, call.dollars, call.error)
    told = (call.service, call.model, call.prompt, call.attempt, *spent)
    cells = ["" if cell is None else str(cell) for cell in (call.pk, call.began_at.isoformat(), *place, *told)]
    # A spreadsheet takes what begins so for a formula.
    return [f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells]
