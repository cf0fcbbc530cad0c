"""Projects: the list of one's own, making one, changing one."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.text import slugify
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, projects
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from annotation.models import Clip, Membership, Project


class NewProject(Strict):
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=60, required=False, help_text="made from the name when left out")
    description = serializers.CharField(required=False, default="", allow_blank=True)


class ProjectChanges(Strict):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    review_share = serializers.FloatField(min_value=0.0, max_value=1.0, required=False)
    keyframes_per_second = serializers.FloatField(min_value=0.1, max_value=60.0, required=False)
    amodal = serializers.BooleanField(required=False)


class ProjectBody(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    role = serializers.ChoiceField(Membership.Role.choices)
    clips = serializers.IntegerField(source="clip_total")
    people = serializers.IntegerField(source="people_total")
    taxonomy_version = serializers.IntegerField()
    review_share = serializers.FloatField()
    keyframes_per_second = serializers.FloatField()
    amodal = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class Projects(APIView):
    @extend_schema(operation_id="projects_list", responses=ProjectBody(many=True))
    def get(self, request: Request) -> Response:
        """The projects you are in, with your role."""
        pages = ByCursor()
        page = pages.paginate_queryset(_told(access.projects_of(request.user), request), request, view=self)
        return pages.get_paginated_response(ProjectBody(page, many=True).data)

    @extend_schema(request=NewProject, responses={201: ProjectBody})
    def post(self, request: Request) -> Response:
        """Make a project with the starter taxonomy; you become its manager. For managers of other projects."""
        by = access.project_maker(request.user)
        asked = NewProject(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        given.setdefault("slug", slugify(given["name"])[:60])
        made = projects.create(by=by, **given)
        return Response(_body(made, request), status.HTTP_201_CREATED)


class OneProject(APIView):
    @extend_schema(operation_id="project", responses=ProjectBody)
    def get(self, request: Request, slug: str) -> Response:
        return Response(_body(access.project_for(request.user, slug), request))

    @extend_schema(request=ProjectChanges, responses=ProjectBody)
    def patch(self, request: Request, slug: str) -> Response:
        """Change name, description, share of second opinions or pace of keyframes. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = ProjectChanges(data=request.data)
        asked.is_valid(raise_exception=True)
        projects.change(project=project, by=access.person(request.user), **asked.validated_data)
        return Response(_body(project, request))


def _told(found: QuerySet[Project], request: Request) -> QuerySet[Project]:
    """With role and totals from sub-queries, so that a list costs one query however long it is."""
    role = Membership.objects.filter(project=OuterRef("pk"), user=request.user.pk).values("role")
    # Who may see a project without being in it is a superuser, a manager everywhere.
    held = Coalesce(Subquery(role[:1]), Value(Membership.Role.MANAGER.value))
    told: QuerySet[Project] = found.annotate(role=held, clip_total=_total(Clip), people_total=_total(Membership))
    return told


def _total(model: type[Clip] | type[Membership]) -> Coalesce:
    rows = model._default_manager.filter(project=OuterRef("pk")).order_by().values("project")
    counted = rows.annotate(total=Count("*")).values("total")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _body(project: Project, request: Request) -> dict[str, Any]:
    told = _told(Project.objects.filter(pk=project.pk), request).get()
    return dict(ProjectBody(told).data)
