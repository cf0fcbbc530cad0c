"""Action segments that were labelled elsewhere."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api.fields import Strict
from delivery import incoming
from delivery.timeline_readers import READERS


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


class TakenBody(serializers.Serializer[Any]):
    made = serializers.ListField(child=serializers.UUIDField())
    known = serializers.IntegerField(help_text="segments that were there already")
    left_out = serializers.ListField(child=serializers.CharField(), help_text="a sentence for each segment left out")


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


class SegmentFormats(APIView):
    @extend_schema(responses=dict[str, str])
    def get(self, request: Request) -> Response:
        """The file formats of segments that can be taken in, by name."""
        return Response({name: reader.title for name, reader in READERS.every().items()})
