"""The written rules of a project, by version."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, guidelines
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from annotation.models import Membership


class NewGuideline(Strict):
    text = serializers.CharField(max_length=guidelines.MAX_CHARACTERS, trim_whitespace=False, help_text="Markdown")


class GuidelineBody(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    text = serializers.CharField()
    by = serializers.CharField(source="created_by.username", default=None)
    at = serializers.DateTimeField(source="created_at")


class Guidelines(APIView):
    @extend_schema(operation_id="guidelines_list", responses=GuidelineBody(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Every version, the one in force first."""
        project = access.project_for(request.user, slug)
        pages = ByCursor()
        page = pages.paginate_queryset(project.guidelines.select_related("created_by"), request, view=self)
        return pages.get_paginated_response(GuidelineBody(page, many=True).data)

    @extend_schema(request=NewGuideline, responses={201: GuidelineBody})
    def post(self, request: Request, slug: str) -> Response:
        """Put a new version in force. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = NewGuideline(data=request.data)
        asked.is_valid(raise_exception=True)
        made = guidelines.publish(project=project, text=asked.validated_data["text"], by=access.person(request.user))
        return Response(GuidelineBody(made).data, status.HTTP_201_CREATED)
