"""A frame of a clip as a picture: frame n is the same picture everywhere, so it may be kept for ever."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation import access, clips
from annotation.api.negotiation import AsItIs
from annotation.errors import Refused
from annotation.media.errors import MediaError
from annotation.models import Clip

# A list and not a range: every size is a file in the cache.
SIDES = (160, 320, 640, 1280)
FOR_EVER = "private, max-age=31536000, immutable"


class Frame(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        parameters=[
            OpenApiParameter("side", int, enum=SIDES, description="longer side in pixels, for thumbnails"),
            OpenApiParameter("alone", bool, description="the frames that follow are not wanted next: answer sooner"),
        ],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """Frame n of the clip's frame index, upright, as JPEG."""
        return _picture(request, access.clip_for(request.user, pk), frame, side=_side(request), alone=_alone(request))


class LosslessFrame(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """Frame n of the clip's frame index, upright, with exactly the pixels that layers and checks see."""
        return _picture(request, access.clip_for(request.user, pk), frame, lossless=True)


def _picture(
    request: Request, clip: Clip, frame: int, *, side: int | None = None, lossless: bool = False, alone: bool = False
) -> HttpResponse:
    etag = f'"{clip.sha256[:20]}-{frame}-{side or "full"}{"-png" if lossless else ""}"'
    if not 0 <= frame < clip.frame_count:
        raise Http404(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    else:
        kind = "image/png" if lossless else "image/jpeg"
        answer = HttpResponse(_coded(clip, frame, side, lossless, alone), content_type=kind)
    answer["ETag"] = etag
    answer["Cache-Control"] = FOR_EVER
    return answer


def _coded(clip: Clip, frame: int, side: int | None, lossless: bool, alone: bool) -> bytes:
    try:
        return clips.still(clip, frame, max_side=side, lossless=lossless, alone=alone).read_bytes()
    except FileNotFoundError:
        # Pruned between the look and the read: made again.
        return clips.still(clip, frame, max_side=side, lossless=lossless, alone=alone).read_bytes()
    except MediaError as error:
        raise Refused(str(error)) from error


def _alone(request: Request) -> bool:
    raw = request.query_params.get("alone", "false")
    if raw not in {"true", "false"}:
        raise serializers.ValidationError({"alone": f"{raw!r} is neither true nor false."})
    return raw == "true"


def _side(request: Request) -> int | None:
    raw = request.query_params.get("side", "")
    if not raw:
        return None
    if raw not in {str(side) for side in SIDES}:
        sizes = ", ".join(map(str, SIDES))
        raise serializers.ValidationError({"side": f"{raw!r} is not a size that is made; the sizes are {sizes}."})
    return int(raw)
