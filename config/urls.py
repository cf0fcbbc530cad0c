"""Every address: pages at the root, the REST API under /api/."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from enrichment.api.metrics import metrics

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/", include("annotation.api.urls")),
    path("api/", include("enrichment.api.urls")),
    path("api/", include("review.api.urls")),
    path("api/", include("delivery.api.urls")),
    path("api/", include("frontend.api")),
    path("", include("frontend.urls")),
]

handler403 = "frontend.pages.errors.forbidden"
handler404 = "frontend.pages.errors.not_found"
handler500 = "frontend.pages.errors.broken"
