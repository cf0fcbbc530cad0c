"""The series of a clip: which there are, and their extremes under each pixel of a stretch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from enrichment import signals
from enrichment.engines.series import Values, extremes

MOST_BUCKETS = 8192
MOST_LANES = 64


class SignalLane(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField()
    # A serializer has a `source` of its own.
    origin = serializers.CharField(help_text="the layer or file that it comes from")
    low = serializers.FloatField(help_text="least value in the clip")
    high = serializers.FloatField(help_text="greatest value in the clip")


class SignalMoment(serializers.Serializer[Any]):
    frame = serializers.IntegerField(help_text="frame boundary")
    kind = serializers.ChoiceField(["start", "stop", "rest", "change"])
    strength = serializers.FloatField(help_text="0-1")


class SignalsBody(serializers.Serializer[Any]):
    lanes = SignalLane(many=True)
    moments = SignalMoment(many=True)
    problems = serializers.ListField(child=serializers.CharField(), help_text="files that cannot be read, and why")


class LaneValues(serializers.Serializer[Any]):
    low = serializers.ListField(child=serializers.FloatField(allow_null=True))
    high = serializers.ListField(child=serializers.FloatField(allow_null=True))


class ValuesBody(serializers.Serializer[Any]):
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    step = serializers.IntegerField(help_text="frames under each value")
    lanes = serializers.DictField(child=LaneValues())


class Wanted(serializers.Serializer[Any]):
    start = serializers.IntegerField(min_value=0, default=0)
    end = serializers.IntegerField(min_value=1, required=False)
    step = serializers.IntegerField(min_value=1, default=1)
    lane = serializers.ListField(child=serializers.CharField(max_length=200), max_length=MOST_LANES, default=list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would be no stretch, or one of more values than any screen has pixels."""
        count = self.context["frame_count"]
        attrs["end"] = min(attrs.get("end", count), count)
        if attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError(
                f"The stretch from frame {attrs['start']} to {attrs['end']} is empty; the clip has frames 0 to "
                f"{count - 1}."
            )
        buckets = -(-(attrs["end"] - attrs["start"]) // attrs["step"])
        if buckets > MOST_BUCKETS:
            raise serializers.ValidationError(
                f"That are {buckets} values a lane, and at most {MOST_BUCKETS} are given; ask for a larger step."
            )
        return attrs


class ClipSignals(APIView):
    @extend_schema(operation_id="clip_signals", responses=SignalsBody)
    def get(self, request: Request, pk: int) -> Response:
        """The lanes of the clip and the moments at which its motion begins, rests and ends."""
        found = signals.of_clip(access.clip_for(request.user, pk))
        lanes = [
            {"name": lane.name, "title": lane.title, "unit": lane.unit, "origin": lane.source, "low": low, "high": high}
            for lane in found.lanes
            if lane.bounds is not None
            for low, high in [lane.bounds]
        ]
        moments = [{"frame": each.frame, "kind": each.kind, "strength": each.strength} for each in found.moments]
        return Response({"lanes": lanes, "moments": moments, "problems": list(found.problems)})


class SignalValues(APIView):
    @extend_schema(
        operation_id="clip_signal_values",
        parameters=[
            OpenApiParameter("start", int),
            OpenApiParameter("end", int, description="frame after the last"),
            OpenApiParameter("step", int, description="frames under each value"),
            OpenApiParameter("lane", str, many=True, description="may be given several times; all without it"),
        ],
        responses=ValuesBody,
    )
    def get(self, request: Request, pk: int) -> Response:
        """The least and the greatest value of every `step` frames of [start, end), null where nothing is known."""
        clip = access.clip_for(request.user, pk)
        query = request.query_params.dict() | {"lane": request.query_params.getlist("lane")}
        asked = Wanted(data=query, context={"frame_count": clip.frame_count})
        asked.is_valid(raise_exception=True)
        start, end, step = (asked.validated_data[name] for name in ("start", "end", "step"))
        found = signals.of_clip(clip)
        names = asked.validated_data["lane"] or [lane.name for lane in found.lanes][:MOST_LANES]
        lanes = {}
        for name in names:
            if (lane := found.lane(name)) is not None:
                low, high = extremes(lane.values, start, end, step)
                lanes[name] = {"low": _plain(low), "high": _plain(high)}
        return Response({"start": start, "end": end, "step": step, "lanes": lanes})


def _plain(values: Values) -> list[float | None]:
    """Four significant digits are more than a pixel shows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (3 - np.floor(np.log10(np.abs(values.astype(np.float64)))))
    scale[~np.isfinite(scale)] = 1.0
    rounded = np.round(values.astype(np.float64) * scale) / scale
    return [value if math.isfinite(value) else None for value in rounded.tolist()]
