"""The drift of a task's tracks along the clip's flow."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from enrichment import drift
from enrichment.api.propagations import OfTrack


class Part(OfTrack):
    start = serializers.IntegerField(min_value=0, required=False)
    end = serializers.IntegerField(min_value=1, required=False)


class TaskDrift(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("track", str), OpenApiParameter("start", int), OpenApiParameter("end", int)],
        responses=dict[str, Any],
    )
    def get(self, request: Request, pk: int) -> Response:
        """IoU of each mask, carried along the flow, with the next frame's: {"tracks": {id: {frame: IoU}}}.

        With `track` {"frames": {frame: IoU}}. Without flow both are empty and "reason" says why. What is not known yet
        is worked out, some 2,000 pairs of masks a second: ask for a large task in parts, frames `[start, end)`.
        """
        task = access.task_for(request.user, pk)
        asked = Part(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        track = asked.validated_data.get("track")
        frames = (asked.validated_data.get("start", task.start), asked.validated_data.get("end", task.end))
        found = drift.of_task(task, track, frames)
        if track is None:
            return Response({"tracks": found.tracks, "reason": found.reason})
        return Response({"frames": found.tracks.get(str(track), {}), "reason": found.reason})
