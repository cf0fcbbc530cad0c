"""Verdicts on tasks, and the agreement of two annotators."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import person
from annotation.api.fields import Strict
from annotation.api.negotiation import AsItIs
from review import access, agreement, overlays, progress, reviews
from review.api.pictures import picture
from review.api.shapes import agreement_body, review_body
from review.models import Review


class Verdict(Strict):
    verdict = serializers.ChoiceField(Review.Verdict.choices)
    comment = serializers.CharField(required=False, default="", allow_blank=True, max_length=4000)


class TaskReview(APIView):
    @extend_schema(request=Verdict, responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Accept a submitted task, or send it back with a comment."""
        task = access.task_to_review(request.user, pk)
        asked = Verdict(data=request.data)
        asked.is_valid(raise_exception=True)
        verb = reviews.accept if asked.validated_data["verdict"] == Review.Verdict.ACCEPT else reviews.send_back
        return Response(review_body(verb(task=task, by=person(request.user), comment=asked.validated_data["comment"])))


class TaskAgreement(APIView):
    @extend_schema(operation_id="task_agreement", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """The newest comparison of the task with the second annotator's; computed now where it is still to come."""
        task = access.task_to_compare(request.user, pk)
        return Response(agreement_body(agreement.latest(task) or agreement.compare(task=task)))


class AgreementPicture(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        parameters=[OpenApiParameter("label", str, description="only this label's masks")],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, frame: int) -> HttpResponse:
        """Both annotators' masks over each other on a frame, as a transparent PNG of the clip's size."""
        task = access.task_to_compare(request.user, pk)
        label = request.query_params.get("label", "")
        return picture(request, overlays.disagreement(task=task, frame=frame, label=label))


class Statistics(APIView):
    @extend_schema(operation_id="project_statistics", responses=dict[str, Any])
    def get(self, request: Request, slug: str) -> Response:
        """Progress, agreement per label against its target, throughput per day, open flags, people."""
        return Response(progress.body(progress.of(access.project_for(request.user, slug))))
