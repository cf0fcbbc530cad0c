"""Layers: which there are, and how they stand on one clip."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api.negotiation import AsItIs
from enrichment import choosing, pictures, progress, registry
from enrichment.errors import UnknownLayer
from enrichment.layers.flow import LONGEST_GAP

PLAIN = (
    "name",
    "title",
    "version",
    "engine",
    "inputs",
    "outputs",
    "device",
    "no_engine",
    "has_overlay",
)


class LayerOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="pattern in the clip folder")
    dtype = serializers.CharField()
    units = serializers.CharField()
    on_request = serializers.BooleanField(help_text="there only where the layer's parameters ask for it")


class LayerBody(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    version = serializers.CharField()
    engine = serializers.CharField(help_text="when a project chooses none")
    engine_version = serializers.CharField()
    inputs = serializers.ListField(child=serializers.CharField())
    outputs = LayerOutput(many=True)
    parameters = serializers.DictField(help_text="with their defaults")
    device = serializers.ChoiceField(["cpu", "gpu"])
    no_engine = serializers.CharField(help_text="why nothing computes it until an engine is chosen; may be empty")
    has_overlay = serializers.BooleanField(help_text="whether it can be laid over the picture")


class ClipLayer(serializers.Serializer[Any]):
    layer = serializers.CharField()
    state = serializers.CharField()
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    version = serializers.CharField()
    fingerprint = serializers.CharField()
    parameters = serializers.DictField()
    batches_done = serializers.IntegerField()
    batches_total = serializers.IntegerField()
    error = serializers.CharField()
    unjudged = serializers.CharField(
        help_text="why a check that is done could not judge the clip, or did not look for all that it can; else empty"
    )
    files = serializers.ListField(child=serializers.CharField(), help_text="paths in the clip folder")


class FlowAsked(serializers.Serializer[Any]):
    max = serializers.FloatField(min_value=0.01, max_value=10_000, required=False)
    gap = serializers.IntegerField(min_value=1, max_value=LONGEST_GAP, default=1)


class Layers(APIView):
    @extend_schema(operation_id="layers_list", responses=LayerBody(many=True))
    def get(self, request: Request) -> Response:
        """Every kind of layer, those without an engine too."""
        known = [
            {
                **{field: getattr(layer, field) for field in PLAIN},
                "engine_version": choosing.own(layer).engine_version,
                "parameters": choosing.parameters(layer, choosing.own(layer), {}),
            }
            for layer in registry.every().values()
        ]
        return Response(LayerBody(known, many=True).data)


class ClipLayers(APIView):
    @extend_schema(operation_id="clip_layers", responses=ClipLayer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """How each layer stands on the clip."""
        clip = access.clip_for(request.user, pk)
        return Response(ClipLayer(progress.of_clip(clip), many=True).data)


class FlowPicture(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        parameters=[
            OpenApiParameter("max", float, description="length in pixels of the clip that gets full colour"),
            OpenApiParameter("gap", int, description="frames from one picture to the other; 1 where it is not said"),
        ],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """The flow from frame n to the next, or over another gap: hue says where to, strength how far."""
        clip = access.clip_for(request.user, pk)
        asked = FlowAsked(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        try:
            wanted = asked.validated_data
            png = pictures.flow(clip, frame, gap=wanted["gap"], largest=wanted.get("max"))
        except IndexError as error:
            raise Http404(str(error)) from error
        answer = HttpResponse(png, content_type="image/png")
        answer["Cache-Control"] = "private, max-age=300"
        return answer


class LayerPicture(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, name: str, frame: int) -> HttpResponse:
        """A layer on frame n, to be laid over its picture: RGBA in the clip's proportions, clear where it is empty."""
        clip = access.clip_for(request.user, pk)
        try:
            png = pictures.overlay(clip, name, frame)
        except (IndexError, UnknownLayer) as error:
            raise Http404(str(error)) from error
        answer = HttpResponse(png, content_type="image/png")
        answer["Cache-Control"] = "private, max-age=300"
        return answer
