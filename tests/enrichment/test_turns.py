"""Calls that many workers begin at once: each has its own turn, and together they keep to the bounds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.db import connection

from annotation import projects
from annotation.models import Clip, Project
from enrichment import remote
from enrichment.errors import CallsSpent
from enrichment.models import ApiCall, LayerRun

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 6


def at_once(begin: Callable[[], object]) -> list[object]:
    """What each of several workers got that began at the same moment; an error in its place where one was raised."""
    ready = threading.Barrier(WORKERS)

    def one(_: int) -> object:
        try:
            connection.ensure_connection()
            ready.wait(20)
            return begin()
        except CallsSpent as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))


def begin(*, per_minute: int) -> ApiCall:
    told = {"service": "gemini", "model": "gemini-2.5-flash", "prompt": "segment-1", "attempt": 1}
    return remote.DatabaseBook("gemini").begin(**told, per_minute=per_minute)[0]


@pytest.mark.parametrize("before", [0, 3], ids=["no call yet", "after others"])
def test_no_two_calls_take_the_same_turn(before: int) -> None:
    for _ in range(before):
        begin(per_minute=1)
    # Several each: who comes while others wait must wait behind them, and not overtake.
    at_once(lambda: [begin(per_minute=1) for _ in range(4)])
    turns: list[datetime] = list(ApiCall.objects.order_by("began_at").values_list("began_at", flat=True))
    assert len(turns) == before + 4 * WORKERS
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert min(gaps) >= timedelta(minutes=1), f"of one call a minute, some begin {min(gaps)} after another"


def test_workers_that_ask_at_once_do_not_pass_the_bound(clip: Clip, project: Project, alice: User) -> None:
    projects.change(project=project, by=alice, calls_per_clip=2)
    LayerRun.objects.filter(clip=clip).delete()
    layer_run = LayerRun.objects.create(clip=clip, layer="captions", fingerprint="f" * 64)

    def charged() -> ApiCall:
        with remote.charged_to(layer_run):
            return begin(per_minute=1000)

    got = at_once(charged)
    assert sum(isinstance(each, ApiCall) for each in got) == ApiCall.objects.count() == 2
