"""The people of a project and their roles."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, projects
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from annotation.models import Membership


class NewRole(Strict):
    role = serializers.ChoiceField(Membership.Role.choices)


class MemberBody(serializers.Serializer[Any]):
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.get_full_name")
    role = serializers.ChoiceField(Membership.Role.choices)
    since = serializers.DateTimeField()


class Members(APIView):
    @extend_schema(operation_id="members_list", responses=MemberBody(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = access.project_for(request.user, slug)
        pages = ByCursor()
        page = pages.paginate_queryset(project.memberships.select_related("user"), request, view=self)
        return pages.get_paginated_response(MemberBody(page, many=True).data)


class OneMember(APIView):
    @extend_schema(operation_id="member", responses=MemberBody)
    def get(self, request: Request, slug: str, username: str) -> Response:
        project = access.project_for(request.user, slug)
        found = project.memberships.select_related("user").filter(user__username=username).first()
        if found is None:
            raise Http404(f"{username} is not in {project.name}.")
        return Response(MemberBody(found).data)

    @extend_schema(request=NewRole, responses=MemberBody)
    def put(self, request: Request, slug: str, username: str) -> Response:
        """Take a person in, or give them another role. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = NewRole(data=request.data)
        asked.is_valid(raise_exception=True)
        held = projects.set_role(
            project=project, user=_person(username), role=asked.validated_data["role"], by=access.person(request.user)
        )
        return Response(MemberBody(held).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take a person out; what they made stays, what they had in hand goes back to the queue. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        projects.remove_member(project=project, user=_person(username), by=access.person(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _person(username: str) -> User:
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise Http404(f"There is no person {username!r}; a manager makes accounts on the people page.")
    return found
