"""The review's routes, by noun."""

from __future__ import annotations

from django.urls import path

from review.api import flags, quality, reviews, timelines

urlpatterns = [
    path("projects/<slug:slug>/flags/", flags.Flags.as_view(), name="api-flags"),
    path("projects/<slug:slug>/statistics/", reviews.Statistics.as_view(), name="api-statistics"),
    path("projects/<slug:slug>/quality.parquet", quality.QualityTable.as_view(), name="api-quality-table"),
    path("projects/<slug:slug>/quality/weights/", quality.QualityWeights.as_view(), name="api-quality-weights"),
    path("clips/<int:pk>/quality/", quality.QualityOfClip.as_view(), name="api-clip-quality"),
    path("flags/<int:pk>/", flags.OneFlag.as_view(), name="api-flag"),
    path("flags/<int:pk>/decision/", flags.FlagDecision.as_view(), name="api-flag-decision"),
    path("flags/<int:pk>/interpolation/", flags.FlagInterpolation.as_view(), name="api-flag-interpolation"),
    path("flags/<int:pk>/evidence/<int:frame>.png", flags.FlagEvidence.as_view(), name="api-flag-evidence"),
    path("tasks/<int:pk>/flags/", flags.TaskFlags.as_view(), name="api-task-flags"),
    path("tasks/<int:pk>/review/", reviews.TaskReview.as_view(), name="api-task-review"),
    path("tasks/<int:pk>/agreement/", reviews.TaskAgreement.as_view(), name="api-task-agreement"),
    path("tasks/<int:pk>/timelines/", timelines.TaskTimelines.as_view(), name="api-task-timelines"),
    path("tasks/<int:pk>/agreement/<int:frame>.png", reviews.AgreementPicture.as_view(), name="api-agreement-picture"),
]
