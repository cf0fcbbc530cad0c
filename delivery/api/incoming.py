"""Action segments that were labelled elsewhere."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from django.http import FileResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api.fields import Strict
from annotation.models import Task
from delivery import incoming, task_segments
from delivery.timeline_readers import READERS

_FILES: Final[dict[str, tuple[Callable[[Task], str], str]]] = {
    "csv": (task_segments.as_csv, "text/csv; charset=utf-8"),
    "json": (task_segments.as_json, "application/json"),
}


class Words(serializers.JSONField):
    """{"what the file says": "key of the taxonomy, or empty"}"""

    def to_internal_value(self, data: Any) -> Any:
        value = json.loads(data) if isinstance(data, str) and data.strip() else data or {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for pair in value.items() for each in pair):
            raise serializers.ValidationError('Give an object of texts, such as {"Grasp it": "grasp"}.')
        return value


class SegmentFile(Strict):
    file = serializers.FileField(max_length=255)
    format = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)
    words = Words(required=False, default=dict)
    trial = serializers.BooleanField(default=False, help_text="say what would be done, and do nothing")


class SeenBody(serializers.Serializer[Any]):
    start = serializers.IntegerField()
    end = serializers.IntegerField(help_text="first frame after the segment")
    level = serializers.CharField()
    name = serializers.CharField(help_text="the class in the words of the file")
    action = serializers.CharField()
    phase = serializers.CharField()
    instructions = serializers.ListField(child=serializers.CharField())


class UnknownBody(serializers.Serializer[Any]):
    word = serializers.CharField()
    nearest = serializers.CharField(help_text="the key of the taxonomy that is most like it, or nothing")


class TakenBody(serializers.Serializer[Any]):
    made = serializers.ListField(child=serializers.UUIDField())
    known = serializers.IntegerField(help_text="segments that were there already")
    left_out = serializers.ListField(child=serializers.CharField(), help_text="a sentence for each segment left out")
    notes = serializers.ListField(child=serializers.CharField(), help_text="what came in with something missing")
    seen = SeenBody(many=True, help_text="a trial: segments that would be new")
    unknown = UnknownBody(many=True, help_text="a trial: words that the taxonomy lacks")


class ImportSegments(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(request=SegmentFile, responses=TakenBody)
    def post(self, request: Request, pk: int) -> Response:
        """Take segments of a CSV, JSON, ELAN or Label Studio file into the task. Sent again, it adds nothing."""
        task = access.task_to_write(request.user, pk)
        asked = SegmentFile(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        taken = incoming.take_segments(
            task=task,
            content=given["file"].read(incoming.LARGEST + 1),
            name=given["file"].name,
            by=access.person(request.user),
            format=given["format"],
            words=given["words"],
            trial=given["trial"],
        )
        return Response(TakenBody(taken).data, status.HTTP_200_OK)


class ExportSegments(APIView):
    @extend_schema(responses={(200, "text/csv"): str, (200, "application/json"): dict[str, Any]})
    def get(self, request: Request, pk: int, ending: str) -> FileResponse:
        """The task's segments as a CSV table or as JSON; an import takes both back."""
        task = access.task_for(request.user, pk)
        write, kind = _FILES[ending]
        name = f"{PurePath(task.clip.name).stem}_task_{task.pk}_segments.{ending}"
        content = io.BytesIO(write(task).encode())
        return FileResponse(content, as_attachment=True, filename=name, content_type=kind)


class SegmentFormats(APIView):
    @extend_schema(responses=dict[str, str])
    def get(self, request: Request) -> Response:
        """The file formats of segments that can be taken in, by name."""
        return Response({name: reader.title for name, reader in READERS.every().items()})
