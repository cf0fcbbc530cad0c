"""What is away for a moment, or for one clip, costs a moment or that clip: a database, a disk, a worker."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Now
from django.db.utils import InterfaceError
from pytest_django import Settings

from annotation.models import Clip, Project
from enrichment import compute, leases, queue, runs, settling
from enrichment.layer import Context, Layer, Span
from enrichment.models import Batch, LayerRun, Run, Survey, Worker, from_now
from tests.enrichment.layers import Numbers
from tests.factories import clip_rows

pytestmark = pytest.mark.django_db
State = LayerRun.State


@pytest.fixture
def asked(project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]) -> Run:
    run = runs.request(project=project, by=alice, clips=[clip], layers=["numbers"], tell=False)
    runs.plan(run)
    return run


def test_a_heartbeat_outlasts_a_connection_that_the_server_closed(settings: Settings) -> None:
    settings.LEASE_SECONDS = 0.06
    beats: list[int] = []

    def renew() -> bool:
        beats.append(1)
        if len(beats) < 3:
            raise InterfaceError("connection already closed")
        return len(beats) < 5

    with compute.Heartbeat("a batch", renew) as heartbeat:
        assert heartbeat.lost.wait(5), "it went on until it was told that the lease is another's"
    assert len(beats) == 5


@pytest.mark.django_db(transaction=True)
def test_what_was_computed_while_the_database_was_restarted_counts(asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("an embedded database is not restarted")
    known = Numbers.compute

    def restarted(self: Numbers, context: Context, span: Span) -> None:
        known(self, context, span)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            own = cursor.fetchone()[0]
        with connection.connection.__class__(connection.connection.dsn) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [own])
        other.close()

    monkeypatch.setattr(Numbers, "compute", restarted)
    batch = Batch.objects.filter(state=Batch.State.QUEUED).earliest("index")
    compute.run_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.attempts) == (Batch.State.DONE, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_layers_that_end_at_the_same_moment_one_closes_the_request(
    project: Project, alice: User, small_layers: dict[str, Layer]
) -> None:
    clip_rows(project, 2)
    run = runs.request(project=project, by=alice, layers=["numbers"], tell=False)
    runs.plan(run)
    one, other = run.layer_runs.all()

    def end(layer_run: LayerRun) -> None:
        LayerRun.objects.filter(pk=layer_run.pk).update(state=State.DONE, done_at=Now())
        settling.settle_runs(layer_run)

    def end_beside() -> None:
        with transaction.atomic():
            end(other)
        connection.close()

    beside = threading.Thread(target=end_beside)
    with transaction.atomic():
        end(one)
        beside.start()
        time.sleep(0.5)
    beside.join(20)
    run.refresh_from_db()
    assert run.settled_at is not None


def away(monkeypatch: pytest.MonkeyPatch, clip: int) -> None:
    """Nobody may read the folder of this clip."""
    known = runs.Lying

    def lying(of: Clip) -> Any:
        if of.pk == clip:
            raise PermissionError(13, "Permission denied", "manifest.json")
        return known(of)

    monkeypatch.setattr(runs, "Lying", lying)


def test_a_clip_that_cannot_be_planned_is_waited_for_and_then_left_out(
    project: Project, alice: User, small_layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_rows(project, 3)
    run = runs.request(project=project, by=alice, layers=["numbers"], tell=False)
    barred = run.clips[1]
    away(monkeypatch, barred)
    with pytest.raises(PermissionError):
        runs.plan_slice(run, seconds=60)
    assert Run.objects.unplanned().filter(pk=run.pk).exists()
    Run.objects.filter(pk=run.pk).update(created_at=from_now(-runs.PATIENCE - 1))
    run.refresh_from_db()
    assert runs.plan_slice(run, seconds=60)
    assert run.planned_at is not None
    assert f"(clip {barred}) could not be planned: PermissionError: [Errno 13]" in run.error
    assert set(run.layer_runs.values_list("clip", flat=True)) == set(run.clips) - {barred}


def test_of_many_clips_that_cannot_be_planned_some_are_named(
    project: Project, alice: User, small_layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_rows(project, runs.NAMED + 3)

    def damaged(*_: object) -> None:
        raise ValueError("its index is damaged")

    monkeypatch.setattr(runs, "_plan_clip", damaged)
    run = runs.request(project=project, by=alice, layers=["numbers"], tell=False)
    assert runs.plan_slice(run, seconds=60)
    assert run.error.count("its index is damaged") == runs.NAMED
    assert run.error.endswith("More could not be planned; see the log.")


def test_a_worker_that_comes_back_after_a_night_is_told_of_work_at_once(
    asked: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "send", lambda *args, **options: None)
    assert queue.top_up() == 3
    LayerRun.objects.update(created_at=from_now(-8 * 3600))
    Batch.objects.filter(state=Batch.State.QUEUED).update(sent_at=from_now(-3600))
    assert queue.tell_again() == 0, "nobody is there"
    Worker.objects.create(name="cpu@here", queues=["cpu"], seen_at=Now())
    assert queue.tell_again() == 3


def test_a_lease_that_runs_out_while_others_are_looked_at_is_no_third_attempt(project: Project) -> None:
    given_up, late = (
        Survey.objects.create(
            project=each,
            asked_at=Now(),
            state=Survey.State.RUNNING,
            owner=uuid.uuid4(),
            attempts=attempts,
            leased_until=from_now(until),
        )
        for each, attempts, until in (
            (project, leases.MOST_ATTEMPTS, -1),
            (Project.objects.create(name="Another", slug="another"), 1, 3600),
        )
    )
    seen: list[str] = []

    def run_out(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if sql.startswith("UPDATE") and not seen:
            seen.append(sql)
            Survey.objects.filter(pk=late.pk).update(leased_until=from_now(-1))
        return done

    with connection.execute_wrapper(run_out):
        leases.expire(Survey)
    for each in (given_up, late):
        each.refresh_from_db()
    assert (given_up.state, late.state) == (Survey.State.FAILED, Survey.State.RUNNING)
    assert "3 workers in a row stopped" in given_up.error
