"""Masks from a box or clicks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api.fields import Strict
from annotation.geometry.rle import Patch
from enrichment import prompts

TRAVEL = "1 or -1: the direction in which the person goes through the clip; the frames there are made ready"


class Point(serializers.ListField):
    """[x, y, 1 when it belongs, else 0]."""

    child = serializers.FloatField()

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=3, max_length=3, **options)


class Example(serializers.ListField):
    """[x, y, width, height, 1 when what is meant is like it, else 0]."""

    child = serializers.FloatField()

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=5, max_length=5, **options)


class PreviousMask(Strict):
    """Either an answer's candidate, or a mask by its box and counts."""

    answer = serializers.CharField(required=False, max_length=32)
    candidate = serializers.IntegerField(required=False, min_value=0)
    box = serializers.ListField(child=serializers.IntegerField(), min_length=4, max_length=4, required=False)
    counts = serializers.CharField(required=False, allow_blank=True, help_text="RLE counts inside the box")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.keys() not in ({"answer", "candidate"}, {"box", "counts"}):
            raise serializers.ValidationError("Give answer and candidate, or box and counts.")
        return given


class Prompt(Strict):
    frame = serializers.IntegerField(min_value=0)
    box = serializers.ListField(
        child=serializers.FloatField(), min_length=4, max_length=4, required=False, help_text="x, y, width, height"
    )
    points = serializers.ListField(child=Point(), required=False, max_length=100, help_text="[x, y, 1|0] each")
    examples = serializers.ListField(
        child=Example(),
        required=False,
        max_length=20,
        help_text="further boxes [x, y, width, height, 1|0], like what is meant or not, where an engine takes any",
    )
    previous = PreviousMask(required=False, help_text="the mask that the clicks correct")
    travel = serializers.IntegerField(min_value=-1, max_value=1, required=False, help_text=TRAVEL)


class PromptedMask(serializers.Serializer[Any]):
    box = serializers.ListField(child=serializers.IntegerField(), help_text="x, y, width, height")
    counts = serializers.CharField(help_text="RLE counts inside the box")
    confidence = serializers.FloatField(help_text="0-1")


class PromptAnswer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="names this answer in a correction")
    engine = serializers.CharField()
    candidates = PromptedMask(many=True, help_text="the likeliest first")


class PromptedFrame(Strict):
    frame = serializers.IntegerField(min_value=0)
    travel = serializers.IntegerField(min_value=-1, max_value=1, required=False, help_text=TRAVEL)


class TaskPrompt(APIView):
    @extend_schema(request=Prompt, responses=PromptAnswer)
    def post(self, request: Request, pk: int) -> Response:
        """Propose masks for what is pointed at. Nothing is saved."""
        task = access.task_to_edit(request.user, pk)
        asked = Prompt(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        box = given.get("box")
        found = prompts.answer(
            task.clip,
            given["frame"],
            box=(box[0], box[1], box[2], box[3]) if box else None,
            points=[(x, y, belongs > 0) for x, y, belongs in given.get("points", ())],
            previous=_previous(given.get("previous")),
            examples=[((x, y, width, height), like > 0) for x, y, width, height, like in given.get("examples", ())],
            travel=given.get("travel", 0),
        )
        return Response(PromptAnswer(found).data)


class PromptFrame(APIView):
    @extend_schema(request=PromptedFrame, responses={202: None})
    def post(self, request: Request, pk: int) -> Response:
        """Make a frame ready for prompts, and its neighbours; answers at once."""
        task = access.task_to_edit(request.user, pk)
        asked = PromptedFrame(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        prompts.prepare(task.clip, given["frame"], travel=given.get("travel", 0))
        return Response(status=status.HTTP_202_ACCEPTED)


def _previous(said: dict[str, Any] | None) -> prompts.Named | Patch | None:
    if said is None:
        return None
    if "answer" in said:
        return prompts.Named(said["answer"], said["candidate"])
    return {"box": said["box"], "counts": said["counts"]}
