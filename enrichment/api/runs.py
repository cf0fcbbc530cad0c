"""Runs: asked for, and how far they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access as ground
from annotation.api.fields import Strict
from annotation.api.pagination import ByCursor
from annotation.models import Clip
from enrichment import access, progress, runs
from enrichment.errors import RunRefused
from enrichment.models import Run

CLIPS_SHOWN = 100


class NewRun(Strict):
    clips = serializers.ListField(child=serializers.IntegerField(), required=False, help_text="ids; all by default")
    layers = serializers.ListField(child=serializers.CharField(), required=False, help_text="names; all by default")


class Window(Strict):
    first = serializers.IntegerField(min_value=0, default=0)


class LayerLine(serializers.Serializer[Any]):
    layer = serializers.CharField()
    title = serializers.CharField()
    inputs = serializers.ListField(child=serializers.CharField())
    state = serializers.CharField(help_text="the most urgent one of its clips'")
    states = serializers.DictField(child=serializers.IntegerField(), help_text="number of clips by state")
    done = serializers.IntegerField(source="batches_done")
    total = serializers.IntegerField(source="batches_total")


class ClipLayerLine(serializers.Serializer[Any]):
    layer = serializers.CharField()
    state = serializers.CharField()
    done = serializers.IntegerField(source="batches_done")
    total = serializers.IntegerField(source="batches_total")
    error = serializers.CharField()


class RunClipLine(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    layers = ClipLayerLine(many=True)


class RunLine(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    project = serializers.CharField()
    by = serializers.CharField(allow_null=True, help_text="null when a clip's arrival or a script asked")
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    state = serializers.CharField(help_text="planning, running, failed or done")
    error = serializers.CharField(help_text="why it could not be planned; empty when it was")
    done = serializers.IntegerField(help_text="batches")
    total = serializers.IntegerField(help_text="batches")
    clip_count = serializers.IntegerField()
    clips_planned = serializers.IntegerField(help_text="clips whose layers and batches are counted here already")
    layers = LayerLine(many=True)


class RunBody(RunLine):
    clips = RunClipLine(many=True, help_text=f"{CLIPS_SHOWN} at most, from `first` on")


class Runs(APIView):
    @extend_schema(
        operation_id="runs_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses=RunLine(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's runs, newest first."""
        project = ground.project_for(request.user, slug)
        pages = ByCursor()
        asked = Run.objects.light().filter(project=project).select_related("project", "by")
        page = pages.paginate_queryset(asked, request, view=self) or []
        far = progress.of_runs(page)
        return pages.get_paginated_response([RunLine(_line(run, far[run.pk])).data for run in page])

    @extend_schema(operation_id="runs_create", request=NewRun, responses={201: RunLine})
    def post(self, request: Request, slug: str) -> Response:
        """Ask for layers on clips. What is computed already is not computed again; what failed is tried again."""
        project = access.project_to_enrich(request.user, slug)
        asked = NewRun(data=request.data)
        asked.is_valid(raise_exception=True)
        ids: list[int] | None = asked.validated_data.get("clips")
        chosen = None
        if ids is not None:
            chosen = list(Clip.objects.of(project).filter(pk__in=ids))
            if missing := sorted(set(ids) - {clip.pk for clip in chosen}):
                raise RunRefused(f"{project.name} has no clip {', '.join(map(str, missing[:10]))}.")
        layers = asked.validated_data.get("layers")
        run = runs.request(project=project, by=ground.person(request.user), clips=chosen, layers=layers)
        return Response(RunLine(_line(run, progress.of_run(run))).data, status.HTTP_201_CREATED)


class OneRun(APIView):
    @extend_schema(
        operation_id="run",
        parameters=[OpenApiParameter("first", int, description="number of clips to leave out at the beginning")],
        responses=RunBody,
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far a run is, by layer and by clip."""
        run = access.run_for(request.user, pk)
        asked = Window(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        clips = progress.clips_of(run, first=asked.validated_data["first"], count=CLIPS_SHOWN)
        lines = [{"id": clip.pk, "name": clip.name, "layers": layers} for clip, layers in clips]
        return Response(RunBody({**_line(run, progress.of_run(run)), "clips": lines}).data)


def _line(run: Run, far: progress.RunProgress) -> dict[str, Any]:
    return {
        "id": run.pk,
        "project": run.project.slug,
        "by": run.by.username if run.by else None,
        "created_at": run.created_at,
        "settled_at": run.settled_at,
        "state": far.state,
        "error": run.error,
        "done": far.batches_done,
        "total": far.batches_total,
        "clip_count": run.clip_count,
        "clips_planned": run.clips_planned,
        "layers": far.layers,
    }
