"""Several people's action segments against each other, and one made out of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import person
from annotation.api.fields import Strict
from annotation.api.shapes import segment_body
from review import access, adjudication, timelines
from review.metrics.timelines import Comparison
from review.timelines import Row, Timelines


class Adjudication(Strict):
    choices = serializers.DictField(
        child=serializers.CharField(max_length=10),
        help_text="by row key: the place of a person, merged, none or kept; rows that are not named stay",
    )


class TaskTimelines(APIView):
    @extend_schema(operation_id="task_timelines", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """Everybody's submitted segments side by side, what stands, and how far they agree (seconds, 0 to 1)."""
        task = access.task_to_review(request.user, pk)
        return Response(_body(timelines.of(task)))

    @extend_schema(operation_id="task_timelines_adjudicate", request=Adjudication, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Make the first task's segments, which are delivered, out of everybody's: row by row."""
        task = access.task_to_review(request.user, pk)
        asked = Adjudication(data=request.data)
        asked.is_valid(raise_exception=True)
        made = adjudication.adjudicate(task=task, choices=asked.validated_data["choices"], by=person(request.user))
        return Response(asdict(made) | {"timelines": _body(timelines.of(task))})


def _body(found: Timelines) -> dict[str, Any]:
    return {
        "first": found.first.pk,
        "tasks": [one.pk for one in found.tasks],
        "people": [one.assignee.get_username() if one.assignee else None for one in found.tasks],
        "levels": {level: _figures(each) for level, each in found.levels.items()},
        "rows": [_row(found, row) for row in found.rows],
        "result": [segment_body(segment) for segment in found.result],
    }


def _figures(given: Comparison) -> dict[str, Any]:
    return {
        "overall": asdict(given.overall),
        "pairs": [{"of": [a, b], **asdict(each)} for a, b, each in given.pairs],
        "people": [asdict(each) for each in given.people],
        "classes": [
            {"action": action, "phase": phase, "segments": each.segments, **asdict(each.score)}
            for each in given.classes
            for action, phase in [timelines.class_of(each)]
        ],
    }


def _row(found: Timelines, row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "level": row.level,
        "segments": [segment and segment_body(segment) for segment in row.segments],
        "chosen": adjudication.choice_now(found, row),
    }
