"""The drift of a task's tracks along the clip's flow."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from enrichment import drift
from enrichment.api.propagations import OfTrack


class TaskDrift(APIView):
    @extend_schema(parameters=[OpenApiParameter("track", str)], responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """IoU of each mask, carried along the flow, with the next frame's: {"tracks": {id: {frame: IoU}}}.

        With `track` {"frames": {frame: IoU}}. Without flow both are empty and "reason" says why.
        """
        task = access.task_for(request.user, pk)
        asked = OfTrack(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        track = asked.validated_data.get("track")
        found = drift.of_task(task, track)
        if track is None:
            return Response({"tracks": found.tracks, "reason": found.reason})
        return Response({"frames": found.tracks.get(str(track), {}), "reason": found.reason})
