"""/metrics for Prometheus: for superusers, and for whoever has the server's token."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from enrichment import metrics as figures


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures of all projects in Prometheus' text format."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    if not by_token and not request.user.is_superuser:
        return HttpResponse(
            "Metrics are for superusers, or with `Authorization: Bearer` and the token in LOUPE_METRICS_TOKEN.\n",
            content_type="text/plain; charset=utf-8",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(figures.page(), content_type=CONTENT_TYPE_LATEST)
