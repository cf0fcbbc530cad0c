"""The flag queue: what checks doubt, by severity, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import person, task_for
from annotation.api.fields import Strict
from annotation.api.negotiation import AsItIs
from annotation.api.pagination import ByCursor
from annotation.models import Project
from enrichment import unjudged
from enrichment.unjudged import Unjudged
from review import access, flags, interpolating, overlays
from review.api.pictures import picture
from review.api.shapes import flag_body, flag_facts, proposed_path
from review.models import Flag


class Wanted(Strict):
    """Filters of the queue; a wrong one is refused, because an empty queue would look like good news."""

    state = serializers.ChoiceField([*Flag.State.choices, ("any", "Any")], default=Flag.State.OPEN)
    check = serializers.CharField(required=False, max_length=60)
    severity = serializers.ChoiceField(Flag.Severity.choices, required=False)
    clip = serializers.IntegerField(required=False)
    task = serializers.IntegerField(required=False)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(required=False)


class Decision(Strict):
    verdict = serializers.ChoiceField([(str(verdict), verdict.label) for verdict in flags.VERDICTS])
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class UnjudgedBody(serializers.Serializer[Any]):
    check = serializers.CharField()
    why = serializers.CharField()
    clips = serializers.IntegerField(help_text="on whose proposals it did not judge")
    tasks = serializers.IntegerField(help_text="on whose work it did not judge")


class FlagsPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = serializers.ListField(child=serializers.DictField())
    unjudged = UnjudgedBody(
        many=True,
        required=False,
        help_text="where checks did not judge: what raised no flag there is not good yet; on the first page only",
    )


class BySeverity(ByCursor):
    ordering = "-rank"


class Flags(APIView):
    @extend_schema(
        operation_id="flags_list",
        parameters=[
            OpenApiParameter("state", str, enum=[*Flag.State.values, "any"], description="open unless said otherwise"),
            OpenApiParameter("check", str),
            OpenApiParameter("severity", int, enum=Flag.Severity.values),
            OpenApiParameter("clip", int),
            OpenApiParameter("task", int),
        ],
        responses=FlagsPage,
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's flags, the worst first, and where checks could not judge, the most frequent reason first.

        What was not judged stands on the first page only: it is the same for all of them, and costs more than they do.
        """
        project = access.project_for(request.user, slug)
        asked = Wanted(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        pages = BySeverity()
        page = pages.paginate_queryset(_listed(project, asked.validated_data), request, view=self)
        answer = pages.get_paginated_response([flag_facts(flag) for flag in page or []])
        if "cursor" not in asked.validated_data:
            answer.data["unjudged"] = UnjudgedBody(_unjudged(project, asked.validated_data), many=True).data
        return answer


class OneFlag(APIView):
    @extend_schema(operation_id="flag", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """A flag with its evidence."""
        return Response(flag_body(access.flag_for(request.user, pk)))


class FlagDecision(APIView):
    @extend_schema(request=Decision, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Close a flag: fixed, dismissed (with a reason) or sent back (the reason goes to the annotator)."""
        flag = access.flag_to_decide(request.user, pk)
        asked = Decision(data=request.data)
        asked.is_valid(raise_exception=True)
        decided = flags.decide(flag=flag, by=person(request.user), **asked.validated_data)
        return Response(flag_body(decided))


class FlagInterpolation(APIView):
    @extend_schema(operation_id="flag_interpolation", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """The path that interpolating the flag's joints would give, or why there is none; nothing is written."""
        flag = access.flag_to_interpolate(request.user, pk)
        return Response(proposed_path(flag, interpolating.propose(flag)))

    @extend_schema(operation_id="flag_interpolate", request=None, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Interpolate them: the flag is fixed, and every layer that reads the pose is computed again."""
        flag = access.flag_to_interpolate(request.user, pk)
        return Response(flag_body(interpolating.accept(flag=flag, by=person(request.user))))

    @extend_schema(operation_id="flag_interpolation_undo", responses=dict[str, Any])
    def delete(self, request: Request, pk: int) -> Response:
        """Take it back: the flag is as it was before, unless it was decided since, and the layers' results are."""
        flag = access.flag_to_interpolate(request.user, pk)
        return Response(flag_body(interpolating.undo(flag=flag, by=person(request.user))))


class TaskFlags(APIView):
    @extend_schema(operation_id="task_flags", responses=list[dict[str, Any]])
    def get(self, request: Request, pk: int) -> Response:
        """Flags on a task's frames: what is open for a reviewer, what was sent back for an annotator."""
        task = task_for(request.user, pk)
        return Response([flag_facts(flag) for flag in access.flags_of_task(request.user, task)[:200]])


class FlagEvidence(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """What the flag says of a frame, as a transparent PNG of the clip's size."""
        return picture(request, overlays.evidence(flag=access.flag_for(request.user, pk), frame=frame))


def _listed(project: Project, wanted: Mapping[str, Any]) -> QuerySet[Flag]:
    found = Flag.objects.filter(project=project).select_related("clip", "decided_by").defer("evidence")
    if wanted["state"] != "any":
        found = found.filter(state=wanted["state"])
    columns = {"check": "check_name", "severity": "severity", "clip": "clip", "task": "task"}
    for name, column in columns.items():
        if name in wanted:
            found = found.filter(**{column: wanted[name]})
    return found.worst_first()


def _unjudged(project: Project, wanted: Mapping[str, Any]) -> list[Unjudged]:
    there = unjudged.of_project(project, clip=wanted.get("clip"), task=wanted.get("task"))
    return [each for check, reasons in there.items() if wanted.get("check", check) == check for each in reasons]
