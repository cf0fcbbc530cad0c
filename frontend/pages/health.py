"""How machine work fares: speed, errors, quality and cost by layer; alerts, and where they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from enrichment import alerts, costs, metrics
from enrichment.models import Alert, GoldenResult, LayerWatch, Webhook
from frontend.access import PageRequest, Role, enter
from frontend.answers import telling

PAST = 20


@dataclass(frozen=True)
class Line:
    """A layer's figures as the table shows them."""

    watch: LayerWatch
    frame_cost: float | None
    drift: float | None

    @property
    def frame_ms(self) -> float | None:
        return 1000 / self.watch.rate if self.watch.rate else None


@login_required
def health(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.QA_LEAD)
    watches = list(LayerWatch.objects.filter(project=place.project))
    found = Alert.objects.filter(project=place.project)
    attempts = sum(watch.attempts for watch in watches)
    priced = costs.known(watches)
    shown: dict[str, Any] = {
        "place": place,
        "here": "runs",
        "lines": [_line(watch, priced=priced) for watch in watches],
        "open": list(found.filter(closed_at=None)),
        "past": list(found.exclude(closed_at=None)[:PAST]),
        "frames": sum(watch.frames for watch in watches),
        "error_rate": sum(watch.failures for watch in watches) / attempts if attempts else None,
        "golden": list(GoldenResult.objects.all()[:PAST]),
        "calls": costs.of_calls(place.project),
        "queue_age": metrics.queue_age(),
        "clip_cost": costs.per_clip(watches) if priced else None,
        "priced": priced,
        "counted_at": max((watch.counted_at for watch in watches), default=None),
        "webhooks": _addresses(place.project.pk) if place.is_manager else [],
        "mail": alerts.mail_is_set_up(),
    }
    return render(request, "runs/_health.html" if request.htmx else "runs/health.html", shown)


@login_required
@require_POST
def webhook(request: PageRequest, slug: str) -> HttpResponse:
    """Add the address `url`, or remove the one numbered `remove`."""
    place = enter(request, slug, Role.MANAGER)
    number = request.POST.get("remove", "")
    if number:
        there = Webhook.objects.filter(project=place.project, pk=int(number) if number.isdecimal() else 0).first()
        if there is None:
            raise Http404(f"There is no webhook {number} in {place.project.name}.")
        with telling(request, f"{there.url} is told of nothing any more."):
            alerts.remove_webhook(webhook=there, by=request.user)
    else:
        with telling(request, "Alerts are sent there from now on."):
            alerts.add_webhook(project=place.project, url=request.POST.get("url", "").strip(), by=request.user)
    return redirect("health", slug)


def _line(watch: LayerWatch, *, priced: bool) -> Line:
    comparable = watch.recent is not None and watch.usual is not None and watch.spread
    drift = (watch.recent - watch.usual) / watch.spread if comparable else None  # type: ignore[operator]
    return Line(watch, costs.per_frame(watch) if priced else None, drift)


def _addresses(project: int) -> list[tuple[Webhook, Any]]:
    """Every address with the last notice that went there."""
    return [
        (each, each.notices.order_by("-pk").first())
        for each in Webhook.objects.filter(project=project).prefetch_related("notices")
    ]
