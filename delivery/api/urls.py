from __future__ import annotations

from django.urls import URLPattern, path, re_path

from delivery.api.deliveries import ArchiveView, DeliveriesView, DeliveryView, FileView, FormatsView, RetryView
from delivery.api.incoming import ExportSegments, ImportSegments, SegmentFormats

urlpatterns: list[URLPattern] = [
    path("deliveries/formats/", FormatsView.as_view(), name="api-delivery-formats"),
    path("projects/<slug:slug>/deliveries/", DeliveriesView.as_view(), name="api-deliveries"),
    path("deliveries/<int:pk>/", DeliveryView.as_view(), name="api-delivery"),
    path("deliveries/<int:pk>/retry/", RetryView.as_view(), name="api-delivery-retry"),
    path("deliveries/<int:pk>/archive.tar", ArchiveView.as_view(), name="api-delivery-archive"),
    path("deliveries/<int:pk>/files/<path:path>", FileView.as_view(), name="api-delivery-file"),
    path("tasks/<int:pk>/segments/import/", ImportSegments.as_view(), name="api-import-segments"),
    re_path(
        r"^tasks/(?P<pk>\d+)/segments/export\.(?P<ending>csv|json)$",
        ExportSegments.as_view(),
        name="api-export-segments",
    ),
    path("segments/formats/", SegmentFormats.as_view(), name="api-segment-formats"),
]
