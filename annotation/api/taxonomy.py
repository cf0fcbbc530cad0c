"""The words of a project, as one document that is read and replaced whole."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, taxonomy
from annotation.api.fields import Strict
from annotation.models import Label, Membership
from annotation.models.taxonomy import MOST_TEMPLATES


class Term(Strict):
    key = serializers.CharField(max_length=60)
    definition = serializers.CharField(required=False, allow_blank=True)
    colour = serializers.CharField(max_length=7, required=False, help_text="#rrggbb")
    retired = serializers.BooleanField(required=False)


class ActionTerm(Term):
    templates = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=MOST_TEMPLATES,
        help_text="sentences with {object} and {hand}, suggested as instructions",
    )


class LabelTerm(Term):
    rigidity = serializers.ChoiceField(Label.Rigidity.choices, required=False)
    iou_target = serializers.FloatField(min_value=0.0, max_value=1.0, required=False)
    min_area = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, help_text="px²")
    min_width = serializers.IntegerField(min_value=0, max_value=2**15 - 1, required=False, help_text="px")
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]


class Words(Strict):
    labels = LabelTerm(many=True)
    actions = ActionTerm(many=True)
    phases = ActionTerm(many=True)


class Taxonomy(APIView):
    @extend_schema(parameters=[OpenApiParameter("version", int)], responses=dict[str, Any])
    def get(self, request: Request, slug: str) -> Response:
        """The taxonomy as it stands, or as it stood in ?version=."""
        project = access.project_for(request.user, slug)
        raw = request.query_params.get("version", "")
        if not raw:
            return Response({"version": project.taxonomy_version, **taxonomy.content(project)})
        if not raw.isdecimal():
            raise serializers.ValidationError({"version": f"{raw!r} is not a version; give a whole number."})
        return Response({"version": int(raw), **taxonomy.at(project, int(raw))})

    @extend_schema(request=Words, responses=dict[str, Any])
    def put(self, request: Request, slug: str) -> Response:
        """Replace it. A word that is left out is retired if something was annotated with it. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = Words(data=request.data)
        asked.is_valid(raise_exception=True)
        version = taxonomy.save(project=project, content=asked.validated_data, by=access.person(request.user))
        return Response({"version": version.number, **taxonomy.content(project)})
