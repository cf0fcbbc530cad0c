"""Calls of paid services: a manager sees what each cost, and takes them along as CSV."""

from __future__ import annotations

import csv
import io
import warnings
from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone

from annotation.models import Clip
from enrichment.models import ApiCall, LayerRun
from frontend.pages import calls
from tests.frontend.conftest import Browse

PAGE = "/projects/table-top/runs/calls/"


@pytest.fixture
def two_calls(clip: Clip) -> LayerRun:
    run = LayerRun.objects.filter(clip=clip).first() or LayerRun.objects.create(
        clip=clip, layer="captions", fingerprint="f" * 64
    )
    shared = {"layer_run": run, "service": "gemini", "prompt": "keyframe-1", "began_at": timezone.now(), "attempt": 1}
    ApiCall.objects.create(**shared, model="flash", tokens_in=700, tokens_out=60, dollars=Decimal("0.25"), seconds=1.5)
    ApiCall.objects.create(**shared, model="pro", status=503, error="=overloaded", seconds=2.0)
    return run


def test_calls_are_listed_and_summed_by_day_and_model(two_calls: LayerRun, alice: User, browse: Browse) -> None:
    said = browse(alice).get(PAGE).content.decode()
    assert "2 calls" in said
    assert "0.2500" in said
    assert "=overloaded" in said


def test_filters_are_those_of_the_page_and_no_others(two_calls: LayerRun, alice: User, browse: Browse) -> None:
    page = browse(alice)
    assert "1 call," in page.get(f"{PAGE}?outcome=failed").content.decode()
    assert "1 call," in page.get(f"{PAGE}?model=flash").content.decode()
    assert "2 calls" in page.get(f"{PAGE}?layer_run__clip__project=999").content.decode()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_the_table_has_no_formulas_in_a_spreadsheet(two_calls: LayerRun, alice: User, browse: Browse) -> None:
    answer = browse(alice).get(f"{PAGE}?as=csv&outcome=failed")
    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(",'=overloaded")


def test_a_long_table_is_sent_in_pieces_under_asgi(
    two_calls: LayerRun, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PIECE", 10)
    shared = {"layer_run": two_calls, "service": "gemini", "prompt": "p", "began_at": timezone.now(), "attempt": 1}
    ApiCall.objects.bulk_create([ApiCall(model="flash", error="a\nb", **shared) for _ in range(43)])
    browser = AsyncClient()
    browser.force_login(alice)

    async def fetch() -> list[bytes]:
        answer = await browser.get(f"{PAGE}?as=csv")
        assert answer.status_code == 200
        return [piece async for piece in answer]

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Django's, when it collects an answer whole
        pieces = async_to_sync(fetch)()
    assert len(pieces) == 5
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert [int(row["call"]) for row in rows] == list(ApiCall.objects.order_by("id").values_list("pk", flat=True))


def test_other_projects_calls_are_not_shown(two_calls: LayerRun, alice: User, browse: Browse) -> None:
    LayerRun.objects.filter(pk=two_calls.pk).delete()
    assert "No calls" in browse(alice).get(PAGE).content.decode()
