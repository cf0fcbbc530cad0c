"""What clips are worth as a whole, with the parts, and what the parts weigh."""

from __future__ import annotations

import io
from typing import Any

import pyarrow.parquet as pq
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import Role, clip_for, person, project_for
from annotation.api.fields import Strict
from annotation.api.negotiation import AsItIs
from enrichment.metadata_sql import quality_table
from enrichment.models import ClipQuality
from review import weighing
from review.metrics.quality import weights


class Weights(Strict):
    """A part that is not named weighs what it usually does."""

    frames = serializers.FloatField(required=False)
    flags = serializers.FloatField(required=False)
    pose = serializers.FloatField(required=False)
    agreement = serializers.FloatField(required=False)
    coverage = serializers.FloatField(required=False)


class QualityOfClip(APIView):
    @extend_schema(operation_id="clip_quality", responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """The clip's score, its parts, what they weigh and what is behind them; null where nothing is known."""
        clip = clip_for(request.user, pk)
        row = ClipQuality.objects.filter(pk=pk).first() or ClipQuality(clip=clip, project=clip.project)
        return Response(
            {
                "clip": pk,
                "score": row.score,
                "parts": {part: getattr(row, part) for part in row.PARTS},
                "weights": weights(clip.project.quality_weights),
                "details": row.details,
                "stale": row.stale,
                "scored_at": row.scored_at,
            }
        )


class QualityWeights(APIView):
    @extend_schema(operation_id="quality_weights", responses=Weights)
    def get(self, request: Request, slug: str) -> Response:
        """What the parts weigh in this project."""
        return Response(weights(project_for(request.user, slug).quality_weights))

    @extend_schema(operation_id="quality_weigh", request=Weights, responses=Weights)
    def put(self, request: Request, slug: str) -> Response:
        """Set it; the scores of all clips follow, from parts that are known already."""
        project = project_for(request.user, slug, Role.MANAGER)
        asked = Weights(data=request.data)
        asked.is_valid(raise_exception=True)
        weighed = weighing.weigh(project=project, weights=asked.validated_data, by=person(request.user))
        return Response(weights(weighed.quality_weights))


class QualityTable(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(responses={(200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponse:
        """All scored clips of the project with their parts, as Parquet: the table `clips` of the queries."""
        project = project_for(request.user, slug, Role.QA_LEAD)
        file = io.BytesIO()
        pq.write_table(quality_table(project), file, compression="zstd")
        answer = HttpResponse(file.getvalue(), content_type="application/vnd.apache.parquet")
        answer["Content-Disposition"] = f'attachment; filename="{project.slug}-quality.parquet"'
        return answer
