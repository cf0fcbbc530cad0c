"""Deliveries over the API, for managers."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import Role, project_for
from annotation.api.attachments import attachment, of_file
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from delivery import deliveries
from delivery.access import delivery_for
from delivery.api.attachments import length_of_folder, of_folder
from delivery.filters import DEFAULT_STATUS, STATES
from delivery.formats import registry
from delivery.models import Delivery


class FiltersSerializer(Strict):
    review_status = serializers.ChoiceField(choices=sorted(STATES), default=DEFAULT_STATUS)
    labels = serializers.ListField(child=serializers.CharField(max_length=60), default=list, max_length=200)
    clips = serializers.ListField(child=serializers.IntegerField(min_value=1), default=list, max_length=10_000)


class AskedSerializer(Strict):
    """Either `format` with `filters`, or `again`: the same revisions as that delivery."""

    format = serializers.CharField(max_length=40, required=False)
    filters = FiltersSerializer(required=False)
    options = serializers.DictField(child=serializers.CharField(max_length=20), required=False)
    again = serializers.IntegerField(min_value=1, required=False)


class DeliverySerializer(serializers.Serializer[Delivery]):
    id = serializers.IntegerField()
    project = serializers.CharField(source="project.slug")
    format = serializers.CharField()
    options = serializers.JSONField()
    filters = serializers.JSONField()
    snapshot = serializers.CharField(source="snapshot.digest", default="", help_text="SHA-256 of what was pinned")
    state = serializers.CharField(help_text="queued, running, done or failed")
    said_state = serializers.CharField(help_text='as people read it, such as "failed: disk"')
    failure = serializers.CharField(help_text="disk, check, source, stopped, error, or empty")
    reason = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField(help_text="0-1")
    counts = serializers.JSONField()
    size = serializers.IntegerField(help_text="bytes")
    files = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 of SHA256SUMS")
    destination = serializers.CharField(help_text="folder on the server, for deliveries made on the command line")
    by = serializers.CharField(source="by.username", default="")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ListedFileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class DetailSerializer(DeliverySerializer):
    listing = serializers.SerializerMethodField(help_text="the first 200 files; SHA256SUMS has them all")

    @extend_schema(responses=ListedFileSerializer(many=True))
    def get_listing(self, delivery: Delivery) -> list[dict[str, Any]]:
        listed = deliveries.files(delivery)
        return [{"path": each.path, "bytes": each.bytes, "sha256": each.sha256} for each in listed]


class FormatSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    options = serializers.JSONField(help_text="the choices of each option, the default first")


class FormatsView(APIView):
    @extend_schema(responses=FormatSerializer(many=True), operation_id="delivery_formats")
    def get(self, request: Request) -> Response:
        known = registry.every().values()
        return Response(
            [
                {"name": each.name, "title": each.title, "description": each.description, "options": dict(each.options)}
                for each in known
            ]
        )


class DeliveriesView(APIView):
    @extend_schema(responses=DeliverySerializer(many=True), operation_id="deliveries_list")
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.MANAGER)
        found = Delivery.objects.filter(project=project).select_related("project", "by", "snapshot")
        pages = ByCursor()
        page = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response([DeliverySerializer(each).data for each in page])

    @extend_schema(request=AskedSerializer, responses={201: DeliverySerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.MANAGER)
        asked = AskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given, by = asked.validated_data, cast(User, request.user)
        if "again" in given:
            first = Delivery.objects.filter(project=project, pk=given["again"]).select_related("project").first()
            if first is None:
                raise Http404(f"{project.name} has no delivery {given['again']}.")
            made = deliveries.again(delivery=first, by=by, format=given.get("format", ""))
        elif "format" in given:
            made = deliveries.request(
                project=project,
                format=given["format"],
                filters=given.get("filters", {}),
                options=given.get("options", {}),
                by=by,
            )
        else:
            raise serializers.ValidationError({"format": f"Name a format: {', '.join(registry.every())}."})
        return Response(DeliverySerializer(made).data, status.HTTP_201_CREATED)


class DeliveryView(APIView):
    @extend_schema(responses=DetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(DetailSerializer(delivery_for(request.user, pk)).data)


class RetryView(APIView):
    @extend_schema(request=None, responses=DeliverySerializer)
    def post(self, request: Request, pk: int) -> Response:
        delivery = delivery_for(request.user, pk)
        return Response(DeliverySerializer(deliveries.retry(delivery=delivery, by=cast(User, request.user))).data)


class FileView(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, path: str) -> HttpResponseBase:
        root = _served(delivery_for(request.user, pk))
        target = root / path
        inside = target.resolve().is_relative_to(root.resolve()) and not target.is_symlink()
        if "\0" in path or not inside or not target.is_file():
            raise Http404(f"Delivery {pk} has no file {path}.")
        size = target.stat().st_size
        return attachment(of_file(target), name=target.name, length=size, kind="application/octet-stream")


class ArchiveView(APIView):
    @extend_schema(responses={(200, "application/x-tar"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        root = _served(delivery_for(request.user, pk))
        length = length_of_folder(root)
        return attachment(of_folder(root), name=f"{root.name}.tar", length=length, kind="application/x-tar")


def _served(delivery: Delivery) -> Any:
    """The folder of a finished delivery.

    Only where it may be downloaded from here: what the command line wrote elsewhere stays there.
    """
    if not delivery.is_served or not delivery.folder.is_dir():
        where = f" It was written to {delivery.destination}." if delivery.destination else ""
        raise Http404(f"Delivery {delivery.pk} is not here to be downloaded; it is {delivery.said_state}.{where}")
    return delivery.folder
