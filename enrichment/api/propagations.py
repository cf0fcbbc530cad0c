"""Carrying masks to other frames: ask, watch them come, cancel, take over."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access as ground
from annotation import carried_masks
from annotation.api.edits import KEY_HEADER, idempotency_key
from annotation.api.fields import Strict
from annotation.api.shapes import mask_body
from annotation.models import Mask, Task
from annotation.revisions import once
from annotation.work import mask_value
from enrichment import access, propagations
from enrichment.models import PropagatedMask, Propagation

FRAME = serializers.IntegerField(min_value=0)
MOST_FRAMES = 100_000


class NewPropagation(Strict):
    track = serializers.UUIDField()
    frame = serializers.IntegerField(min_value=0, help_text="a keyframe of the track")
    to = serializers.IntegerField(min_value=0, help_text="last frame wanted; before `frame` for backwards")
    engine = serializers.CharField(max_length=40, default="", allow_blank=True, help_text="the project's by default")


class Taking(Strict):
    frames = serializers.ListField(child=FRAME, required=False, max_length=MOST_FRAMES, help_text="all by default")


class After(Strict):
    after = serializers.IntegerField(min_value=0, default=0)


class OfTrack(Strict):
    track = serializers.UUIDField(required=False)


class PropagationBody(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.CharField(source="outcome", help_text="queued, running, done, cancelled or failed")
    reason = serializers.SerializerMethodField(help_text="why it waits, failed or ended early; empty otherwise")
    track = serializers.UUIDField(source="track_id")
    frame = serializers.IntegerField()
    to = serializers.IntegerField(source="last", help_text="the last frame that is made")
    engine = serializers.CharField()
    frames_total = serializers.IntegerField()
    frames_done = serializers.IntegerField()

    def get_reason(self, row: Propagation) -> str:
        return propagations.reason(row)


class ArrivedMask(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    frame = serializers.IntegerField()
    counts = serializers.CharField(allow_null=True, help_text="null: the object is not seen here")
    bbox = serializers.ListField(child=serializers.IntegerField(), help_text="x, y, width, height")
    confidence = serializers.FloatField(help_text="0-1")
    final = serializers.BooleanField(help_text="false: the engine comes back to this frame")


class PropagationWithMasks(PropagationBody):
    masks = ArrivedMask(many=True)


class MaskBefore(serializers.Serializer[Any]):
    frame = serializers.IntegerField()
    id = serializers.UUIDField()
    counts = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(help_text="0 when there was none")
    method = serializers.CharField()
    engine = serializers.CharField()


class Taken(serializers.Serializer[Any]):
    task_version = serializers.IntegerField()
    work = serializers.DictField(help_text="tracks, masks and segments that were written")
    before = MaskBefore(many=True, help_text="what the masks were before, for undoing")
    skipped = serializers.ListField(child=serializers.IntegerField(), help_text="frames that a person has drawn")


class Propagations(APIView):
    @extend_schema(
        operation_id="propagations_list",
        parameters=[OpenApiParameter("track", str)],
        responses=PropagationBody(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """The task's propagations that are under way, or ended with masks that nobody took over yet."""
        task = ground.task_for(request.user, pk)
        asked = OfTrack(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = Propagation.objects.open().filter(task=task)
        if track := asked.validated_data.get("track"):
            found = found.filter(track=track)
        return Response(PropagationBody(found, many=True).data)

    @extend_schema(
        operation_id="propagations_create",
        request=NewPropagation,
        parameters=[KEY_HEADER],
        responses={201: PropagationBody},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Carry a keyframe's mask to other frames, up to the next keyframe. Only `apply` annotates."""
        task, by = ground.task_to_write(request.user, pk), ground.person(request.user)
        asked = NewPropagation(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data

        def do() -> tuple[int, dict[str, Any]]:
            made = propagations.ask(
                task=task,
                by=by,
                track_id=wanted["track"],
                frame=wanted["frame"],
                to=wanted["to"],
                engine=wanted["engine"],
            )
            return status.HTTP_201_CREATED, {"id": made.pk}

        code, made = once(key=idempotency_key(request), task=task, by=by, request={"propagate": pk, **wanted}, do=do)
        return Response(PropagationBody(Propagation.objects.get(pk=made["id"])).data, code)


class OnePropagation(APIView):
    @extend_schema(
        operation_id="propagation",
        parameters=[OpenApiParameter("after", int, description="only masks that came after this one")],
        responses=PropagationWithMasks,
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, with the masks that came."""
        row = access.propagation_for(request.user, pk)
        asked = After(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        came = row.masks.filter(seq__gt=asked.validated_data["after"])
        return Response({**PropagationBody(row).data, "masks": [_arrived(mask) for mask in came]})

    @extend_schema(operation_id="propagation_drop", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Put what came aside, and stop it if it is still under way."""
        propagations.put_aside(access.propagation_to_stop(request.user, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Cancel(APIView):
    @extend_schema(request=None, responses=PropagationBody)
    def post(self, request: Request, pk: int) -> Response:
        """Stop it; what came stays until it is applied or dropped."""
        stopped = propagations.cancel(access.propagation_to_stop(request.user, pk))
        return Response(PropagationBody(stopped).data)


class Apply(APIView):
    @extend_schema(request=Taking, parameters=[KEY_HEADER], responses=Taken)
    def post(self, request: Request, pk: int) -> Response:
        """Make what came masks of the track, except on frames that a person has drawn in the meantime."""
        row, by = access.propagation_to_write(request.user, pk), ground.person(request.user)
        asked = Taking(data=request.data)
        asked.is_valid(raise_exception=True)
        frames = asked.validated_data.get("frames")

        def do() -> tuple[int, dict[str, Any]]:
            laid = propagations.take_over(propagation=row, by=by, frames=frames)
            before = [(frame, str(id), version) for frame, id, version in laid.before]
            return 200, {"before": before, "skipped": laid.skipped}

        with transaction.atomic():
            _, did = once(
                key=idempotency_key(request), task=row.task, by=by, request={"apply": pk, "frames": frames}, do=do
            )
        return Response(_taken(row.task, did))


def _arrived(mask: PropagatedMask) -> dict[str, Any]:
    return {
        "seq": mask.seq,
        "frame": mask.frame,
        "counts": mask.counts or None,
        "bbox": mask.bbox,
        "confidence": mask.confidence,
        "final": mask.final,
    }


def _taken(task: Task, did: dict[str, Any]) -> dict[str, Any]:
    """The answer; a retry gets the masks as they stand now, because the answer itself would be megabytes to keep."""
    size = (task.clip.height, task.clip.width)
    ids = [id for _, id, _ in did["before"]]
    masks = Mask.objects.filter(pk__in=ids, task=task).select_related("head", "track").order_by("frame")
    earlier = carried_masks.revisions_at({id: version for _, id, version in did["before"]})
    before = []
    for frame, id, version in did["before"]:
        was = earlier.get(id)
        method, engine = (was.method, was.engine) if was else ("", "")
        counts = (was.counts or None) if was else None
        before.append(
            {"frame": frame, "id": id, "counts": counts, "version": version, "method": method, "engine": engine}
        )
    return {
        "task_version": Task.objects.values_list("version", flat=True).get(pk=task.pk),
        "work": {
            "tracks": [],
            "masks": [mask_body(mask_value(mask, mask.head, size)) for mask in masks if mask.head is not None],
            "segments": [],
        },
        "before": before,
        "skipped": did["skipped"],
    }
