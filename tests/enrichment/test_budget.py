"""Paid calls stop where the project says so, with a sentence, and what was paid for is kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import projects
from annotation.models import Clip, Project
from enrichment import failures, remote
from enrichment.errors import CallsSpent
from enrichment.models import ApiCall, LayerRun, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def described(clip: Clip) -> LayerRun:
    LayerRun.objects.filter(clip=clip).delete()
    return LayerRun.objects.create(clip=clip, layer="descriptions", fingerprint="f" * 64)


def call(layer_run: LayerRun, model: str = "gemini-2.5-flash", service: str = "gemini") -> ApiCall:
    with remote.charged_to(layer_run):
        told = {"service": service, "model": model, "prompt": "segment-1", "attempt": 1, "per_minute": 1000}
        return remote.DatabaseBook(service).begin(**told)[0]


def change(project: Project, alice: User, **values: float | None) -> None:
    projects.change(project=project, by=alice, **values)


def test_a_layer_of_a_clip_makes_no_more_calls_than_the_project_allows(
    described: LayerRun, project: Project, alice: User
) -> None:
    change(project, alice, calls_per_clip=2)
    call(described)
    call(described)
    with pytest.raises(CallsSpent, match="has made 2 calls of a paid service, and the project allows 2") as stopped:
        call(described)
    assert ApiCall.objects.count() == 2, "a call that is not made is not in the book"
    assert failures.lasts(stopped.value), "another attempt would be refused as well"
    other = LayerRun.objects.create(clip=described.clip, layer="captions", fingerprint="e" * 64)
    assert call(other).pk
    change(project, alice, calls_per_clip=3)
    assert call(described).pk


def test_a_run_makes_no_more_calls_than_the_project_allows_over_all_its_layers(
    described: LayerRun, project: Project, alice: User
) -> None:
    other = LayerRun.objects.create(clip=described.clip, layer="captions", fingerprint="e" * 64)
    before = call(described)
    ApiCall.objects.filter(pk=before.pk).update(began_at=timezone.now() - timedelta(days=1))
    run = Run.objects.create(project=project, by=alice)
    run.layer_runs.add(described, other)
    change(project, alice, calls_per_run=2)
    call(described)
    call(other)
    with pytest.raises(CallsSpent, match=rf"Run {run.pk} has made 2 calls of paid services, and the project allows 2"):
        call(described)
    # A run that is over binds nobody.
    Run.objects.update(settled_at=timezone.now())
    assert call(described).pk


def test_calls_stop_when_the_budget_is_spent(described: LayerRun, project: Project, alice: User) -> None:
    change(project, alice, calls_budget=1.5)
    for _ in range(2):
        ApiCall.objects.filter(pk=call(described).pk).update(dollars=Decimal("0.75"))
    with pytest.raises(
        CallsSpent, match=r"has spent \$1.50 of its budget of \$1.50 for paid services. A manager raises"
    ):
        call(described)
    change(project, alice, calls_budget=None)
    assert call(described).pk


def test_a_budget_cannot_be_kept_with_a_model_of_unknown_price(
    described: LayerRun, project: Project, alice: User, settings: object
) -> None:
    change(project, alice, calls_budget=100.0)
    settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"openai": ("https://api.openai.com", "key")}  # type: ignore[attr-defined]
    with pytest.raises(CallsSpent, match="nobody here knows what a call of my-own costs"):
        call(described, "my-own", "openai")
    # On a server of one's own it costs nothing.
    settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"openai": ("http://127.0.0.1:8001", "")}  # type: ignore[attr-defined]
    assert call(described, "my-own", "openai").pk
