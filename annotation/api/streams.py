"""A clip's coded stream and its packets, for players that decode by themselves."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, clips, streams
from annotation.api.fields import Strict
from annotation.api.frames import FOR_EVER
from annotation.api.negotiation import AsItIs
from annotation.media import packets


class Asked(Strict):
    frame = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class StreamBody(serializers.Serializer[Any]):
    refusal = serializers.CharField(help_text="why a browser cannot decode it to exact pixels; empty if it can")
    codec = serializers.CharField(help_text="as WebCodecs names it")
    description = serializers.CharField(help_text="base64 of the decoder's set-up, may be empty")
    width = serializers.IntegerField(help_text="px, before turning")
    height = serializers.IntegerField(help_text="px, before turning")
    rotation = serializers.IntegerField(help_text="degrees clockwise")
    layout = serializers.CharField(help_text="of the decoded planes: I420 or I422")
    colour = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField()),
        allow_null=True,
        help_text="tables y, rv, gu, gv, bu: R = y[Y] + rv[V], G = y[Y] + gu[U] + gv[V], B = y[Y] + bu[U], clipped",
    )


class ClipStream(APIView):
    @extend_schema(operation_id="clip_stream", responses=StreamBody)
    def get(self, request: Request, pk: int) -> Response:
        """How the clip's packets are decoded to exactly the pixels of its pictures."""
        found = streams.describe(access.clip_for(request.user, pk))
        body = asdict(found) | {"description": b64encode(found.description).decode()}
        return Response(StreamBody(body).data)


class ClipPackets(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        operation_id="clip_packets",
        parameters=[OpenApiParameter("frame", int, required=True, description="a frame that shall be decoded")],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The coded packets from the key frame before `frame` on, each with its frame and the CRC-32 of its planes.

        Little-endian: "LPK1", first frame, one after the last, packets (uint32 each); per packet its frame (int32, -1
        if none), CRC-32, bytes, flags (1: decoding can begin here); then the packets' bytes.
        """
        clip = access.clip_for(request.user, pk)
        asked = Asked(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        frame = asked.validated_data["frame"]
        if frame >= clip.frame_count:
            raise Http404(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
        start, end = packets.bounds_of(clips.index(clip), frame)
        etag = f'"{clip.sha256[:20]}-{start}-{end}-packets"'
        if etag in parse_etags(request.headers.get("If-None-Match", "")):
            answer = HttpResponse(status=304)
        else:
            answer = HttpResponse(streams.stretch(clip, frame), content_type="application/octet-stream")
        answer["ETag"] = etag
        answer["Cache-Control"] = FOR_EVER
        return answer
