"""Clips: the list of a project, one clip, its times, its source."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, clips
from annotation.api.attachments import attachment, of_file
from annotation.api.fields import Strict
from annotation.api.negotiation import AsItIs
from annotation.api.pagination import ByCursor
from annotation.models import Clip
from annotation.models.clip import ClipQuerySet


class Filters(Strict):
    q = serializers.CharField(required=False, allow_blank=True, max_length=200)
    scene = serializers.CharField(required=False, allow_blank=True, max_length=120)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(required=False)


class ClipLine(serializers.Serializer[Any]):
    """What a list shows of a clip."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    scene = serializers.CharField()
    environment = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    frame_count = serializers.IntegerField()
    fps = serializers.FloatField()
    duration = serializers.FloatField(help_text="s")
    size = serializers.IntegerField(help_text="bytes")
    codec = serializers.CharField()
    added_at = serializers.DateTimeField()
    quality = serializers.SerializerMethodField(help_text="composite, 0-1; null while it is not scored")

    def get_quality(self, clip: Clip) -> float | None:
        return clip.quality if clip.quality >= 0 else None


class ClipBody(ClipLine):
    project = serializers.CharField(source="project.slug")
    source_name = serializers.CharField()
    sha256 = serializers.CharField()
    container = serializers.CharField()
    rotation = serializers.IntegerField(help_text="degrees clockwise, already applied")
    variable_rate = serializers.BooleanField()
    timestamps_synthesised = serializers.BooleanField()
    keyframes = serializers.ListField(child=serializers.IntegerField())
    device = serializers.CharField()
    session = serializers.CharField()
    site = serializers.CharField()
    contributor = serializers.DictField()
    licence = serializers.CharField()
    consent = serializers.CharField()
    added_by = serializers.CharField(source="added_by.username", default=None)


class Times(serializers.Serializer[Any]):
    frame_count = serializers.IntegerField()
    fps = serializers.FloatField()
    seconds = serializers.ListField(child=serializers.FloatField())


class Clips(APIView):
    @extend_schema(
        operation_id="clips_list",
        parameters=[
            OpenApiParameter("q", str, description="words of the name or scene"),
            OpenApiParameter("scene", str, description="exactly this scene"),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses=ClipLine(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's clips, newest first."""
        project = access.project_for(request.user, slug)
        asked = Filters(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found: ClipQuerySet = Clip.objects.of(project)
        if words := asked.validated_data.get("q"):
            found = found.matching(words)
        if scene := asked.validated_data.get("scene"):
            found = found.filter(scene=scene)
        # A table of a long clip's keyframes is not needed in a list.
        lean: QuerySet[Clip] = found.defer("keyframes", "contributor")
        pages = ByCursor()
        page = pages.paginate_queryset(lean, request, view=self)
        return pages.get_paginated_response(ClipLine(page, many=True).data)


class OneClip(APIView):
    @extend_schema(operation_id="clip", responses=ClipBody)
    def get(self, request: Request, pk: int) -> Response:
        return Response(ClipBody(access.clip_for(request.user, pk)).data)


class ClipTimes(APIView):
    @extend_schema(responses=Times)
    def get(self, request: Request, pk: int) -> Response:
        """When each frame appears, in seconds; the table by which frames and times are turned into each other."""
        clip = access.clip_for(request.user, pk)
        seconds = clips.index(clip).seconds.tolist()
        answer = Response({"frame_count": clip.frame_count, "fps": clip.fps, "seconds": seconds})
        answer["Cache-Control"] = "private, max-age=3600"
        return answer


class ClipSource(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The file as it came, byte for byte; a folder of pictures as a tar archive."""
        clip = access.clip_for(request.user, pk)
        path = clips.source(clip)
        # Never shown by the browser itself: what people upload is not a page of ours.
        if path.is_dir():
            archive = _archive(path, clips.index(clip).names)
            return attachment(archive, name=f"{clip.source_name}.tar", length=None, kind="application/x-tar")
        kind = "application/octet-stream"
        return attachment(of_file(path), name=clip.source_name, length=path.stat().st_size, kind=kind)


def _archive(folder: Path, names: tuple[str, ...]) -> Iterator[bytes]:
    """The pictures as a tar stream; the same bytes each time, a picture at a time in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w|") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"{folder.name}/{name}")
            data = (folder / name).read_bytes()
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data
