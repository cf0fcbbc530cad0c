"""Tasks: the queue, the lease, submitting."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, guidelines, tasks, taxonomy, tier1
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from annotation.api.shapes import remark_body, task_facts
from annotation.models import Membership, Project, Task


class NewTask(Strict):
    clip = serializers.IntegerField()
    start = serializers.IntegerField(min_value=0, default=0)
    end = serializers.IntegerField(min_value=1, required=False)
    frames = serializers.ListField(child=serializers.IntegerField(min_value=0), required=False)
    priority = serializers.IntegerField(min_value=-100, max_value=100, default=0)


class Beat(Strict):
    seconds = serializers.FloatField(min_value=0.0, default=0.0)


class Tasks(APIView):
    @extend_schema(
        operation_id="tasks_list",
        parameters=[
            OpenApiParameter("state", str),
            OpenApiParameter("mine", bool),
            OpenApiParameter("clip", int),
        ],
        responses=dict[str, Any],
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's tasks; an annotator sees their own."""
        project = access.project_for(request.user, slug)
        pages = ByCursor()
        page = pages.paginate_queryset(_listed(request, project), request, view=self)
        return pages.get_paginated_response([task_facts(task) for task in page or []])

    @extend_schema(request=NewTask, responses={201: dict[str, Any]})
    def post(self, request: Request, slug: str) -> Response:
        """Make a task on frames of a clip that have none."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = NewTask(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        clip = access.clip_for(request.user, wanted.pop("clip"), Membership.Role.MANAGER)
        task = tasks.create(project=project, clip=clip, by=access.person(request.user), **wanted)
        return Response(task_facts(task), status.HTTP_201_CREATED)


class NextTask(APIView):
    @extend_schema(request=None, responses={200: dict[str, Any], 204: None})
    def post(self, request: Request, slug: str) -> Response:
        """The task in hand, or the next of the queue; 204 when nothing waits."""
        project = access.project_for(request.user, slug)
        task = tasks.claim_next(project=project, user=access.person(request.user))
        return Response(task_facts(task)) if task else Response(status=status.HTTP_204_NO_CONTENT)


class OneTask(APIView):
    @extend_schema(operation_id="task", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """A task with what is needed to work on it: clip, taxonomy, guideline."""
        task = access.task_for(request.user, pk)
        guideline = guidelines.current(task.project)
        return Response(
            task_facts(task)
            | {
                "taxonomy": taxonomy.content(task.project),
                "guideline": {"number": guideline.number, "text": guideline.text} if guideline else None,
                "grammar": task.project.grammar,
                "language": task.project.language,
                "amodal": task.project.amodal,
                "editable": _may_edit(request, task),
            }
        )


class Claim(APIView):
    @extend_schema(request=None, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Take this very task, when it is free."""
        task = access.task_to_claim(request.user, pk)
        return Response(task_facts(tasks.claim(task=task, user=access.person(request.user))))


class Lease(APIView):
    @extend_schema(request=Beat, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Keep the task; `seconds` is the time worked since the last call."""
        beat = Beat(data=request.data)
        beat.is_valid(raise_exception=True)
        task = access.task_to_edit(request.user, pk)
        task = tasks.renew(task=task, user=access.person(request.user), seconds=beat.validated_data["seconds"])
        return Response({"leased_until": task.leased_until, "version": task.version})


class Submit(APIView):
    @extend_schema(request=None, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Send the task to review; 422 with all remarks in `details` while there are errors among them."""
        task = access.task_to_edit(request.user, pk)
        return Response(task_facts(tasks.submit(task=task, user=access.person(request.user))))


class Release(APIView):
    @extend_schema(request=None, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Put the task back into the queue."""
        task = access.task_to_edit(request.user, pk)
        return Response(
            {
                "id": tasks.release(task=task, user=access.person(request.user)).pk,
                "state": Task.State.OPEN,
            }
        )


class SecondOpinion(APIView):
    @extend_schema(request=None, responses={201: dict[str, Any]})
    def post(self, request: Request, pk: int) -> Response:
        """Have a second annotator do the same frames."""
        task = access.task_for(request.user, pk)
        access.demand(request.user, task.project, Membership.Role.QA_LEAD)
        second = tasks.ask_second(task=task, by=access.person(request.user))
        return Response({"id": second.pk, "second_of": second.second_of_id}, status.HTTP_201_CREATED)


class Remarks(APIView):
    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """Tier 1 over the whole task."""
        task = access.task_for(request.user, pk)
        return Response({"remarks": [remark_body(remark) for remark in tier1.check_task(task)]})


def _listed(request: Request, project: Project) -> QuerySet[Task]:
    found = Task.objects.filter(project=project).select_related("project", "clip", "assignee")
    if access.role_in(request.user, project) == Membership.Role.ANNOTATOR or request.query_params.get("mine"):
        found = found.filter(assignee=request.user.pk)
    if state := request.query_params.get("state"):
        found = found.filter(state=state)
    if (clip := request.query_params.get("clip", "")).isdigit():
        found = found.filter(clip=int(clip))
    return found


def _may_edit(request: Request, task: Task) -> bool:
    mine = task.assignee_id == request.user.pk
    return (mine and task.is_editable) or (not mine and task.state == Task.State.SUBMITTED)
