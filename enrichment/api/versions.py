"""Versions of a layer's result on a clip: which are kept, what they say of a frame, and which one counts."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access as ground
from annotation.api.negotiation import AsItIs
from enrichment import access, comparing, runs


class Version(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    layer = serializers.CharField()
    current = serializers.BooleanField()
    pinned = serializers.BooleanField(help_text="made current by hand; stands until the layer's setting is changed")
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    version = serializers.CharField(help_text="of the layer")
    parameters = serializers.DictField()
    fingerprint = serializers.CharField()
    measure = serializers.FloatField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    kept_at = serializers.DateTimeField(allow_null=True)
    kept_bytes = serializers.IntegerField(help_text="that it takes on disk while it is not current")


class Said(serializers.Serializer[Any]):
    words = serializers.ListField(child=serializers.CharField())


class RunAsked(serializers.Serializer[Any]):
    run = serializers.IntegerField()


class Versions(APIView):
    @extend_schema(operation_id="versions_list", responses=Version(many=True))
    def get(self, request: Request, pk: int, layer: str) -> Response:
        """The current version of a layer, and those that are kept, the latest first."""
        clip = ground.clip_for(request.user, pk, access.MAY_ASK)
        return Response(Version(comparing.versions_of(clip, layer), many=True).data)


class MakeCurrent(APIView):
    @extend_schema(operation_id="version_make_current", request=None, responses={202: RunAsked})
    def post(self, request: Request, pk: int) -> Response:
        """Put a kept version in its place again; what depends on it is marked anew. Nothing of it is computed."""
        found = access.version_for(request.user, pk)
        run = runs.make_current(layer_run=found, by=ground.person(request.user))
        return Response(RunAsked({"run": run.pk}).data, status.HTTP_202_ACCEPTED)


class Words(APIView):
    @extend_schema(operation_id="version_words", responses=Said)
    def get(self, request: Request, pk: int, frame: int) -> Response:
        """What a version says of a frame, in words."""
        found = access.version_for(request.user, pk)
        try:
            return Response(Said({"words": comparing.words(found, frame)}).data)
        except IndexError as error:
            raise Http404(str(error)) from error


class Picture(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(operation_id="version_picture", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """What a version says of a frame, to be laid over its picture: RGBA, clear where it is empty."""
        found = access.version_for(request.user, pk)
        try:
            png = comparing.picture(found, frame)
        except IndexError as error:
            raise Http404(str(error)) from error
        answer = HttpResponse(png, content_type="image/png")
        # A version's files never change, only whether they are still there.
        answer["Cache-Control"] = "private, max-age=300"
        return answer
