"""What cannot be planned is closed with its reason, and keeps nothing else waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import Clip, Project
from enrichment import jobs, leases, ledger, progress, queue, runs
from enrichment.layer import Layer
from enrichment.models import Batch, LayerRun, LayerSetting, Run, from_now

pytestmark = pytest.mark.django_db
State = LayerRun.State


@pytest.fixture
def unfit(project: Project, clip: Clip, alice: User) -> Run:
    """A request for flow, whose scale an earlier version had let somebody set to 5."""
    run = runs.request(project=project, by=alice, clips=[clip], layers=["flow"], tell=False)
    LayerSetting.objects.create(project=project, layer="flow", parameters={"scale": 5})
    return run


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """What the broker is told: jobs with their arguments."""
    found: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(queue, "send", lambda job, *args, **_: found.append((job, args)))
    return found


@pytest.fixture
def reconcile(django_capture_on_commit_callbacks: Any) -> Callable[[], None]:
    def look() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            jobs.reconcile()

    return look


def test_a_run_that_cannot_be_planned_is_closed_with_the_reason(unfit: Run, alice: User, api: APIClient) -> None:
    jobs.plan(unfit.pk)
    unfit.refresh_from_db()
    assert unfit.planned_at is not None
    assert unfit.settled_at is not None
    assert unfit.error.startswith("The parameters of flow do not fit: scale is 5")
    assert progress.of_run(unfit).state == "failed"
    api.force_authenticate(alice)
    said = api.get(f"/api/runs/{unfit.pk}/").json()
    assert (said["state"], said["error"]) == ("failed", unfit.error)


def test_its_page_and_the_list_of_runs_say_so(unfit: Run, alice: User, client: Client) -> None:
    jobs.plan(unfit.pk)
    client.force_login(alice)
    for page in (f"/runs/{unfit.pk}/", "/projects/table-top/runs/"):
        said = client.get(page).content.decode()
        assert "scale is 5, but it must lie above 0" in said, page
        assert "not planned" in said, page
        assert "being planned" not in said, page


def test_the_command_says_it_without_a_traceback(unfit: Run) -> None:
    with pytest.raises(CommandError, match="scale is 5"):
        call_command("enrich", "table-top", layers="flow", here=True)


def test_what_cannot_be_planned_does_not_keep_others_waiting(
    unfit: Run, project: Project, clip: Clip, alice: User, hints: list[tuple[str, tuple[int, ...]]], reconcile: Any
) -> None:
    gone = Run.objects.create(project=project, by=alice, layers=["of an older release"], clips=[clip.pk])
    damaged = Run.objects.create(project=project, by=alice, layers=["metadata"], clips=["no number"])
    good = runs.request(project=project, by=alice, clips=[clip], layers=["metadata"], tell=False)
    reconcile()
    assert [args for _, args in hints] == [(each.pk, 0) for each in (unfit, gone, damaged, good)]
    for _, args in list(hints):
        with suppress(ValueError):  # of the damaged one, which Celery logs
            jobs.plan(*args)
    gone.refresh_from_db()
    assert "There is no layer 'of an older release'" in gone.error
    assert LayerRun.objects.filter(runs=good, state=State.QUEUED).exists()
    assert not Batch.objects.filter(Batch.is_due(), sent_at=None).exists(), "the broker was told of it"
    assert not Run.objects.filter(planned_at=None).exists()
    damaged.refresh_from_db()
    assert "no number" in damaged.error


def test_a_step_that_fails_is_logged_and_the_others_are_taken(
    project: Project,
    clip: Clip,
    alice: User,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    hints: list[tuple[str, tuple[int, ...]]],
    reconcile: Any,
) -> None:
    run = runs.request(project=project, by=alice, clips=[clip], layers=["metadata"], tell=False)

    def expire() -> int:
        raise RuntimeError("a row of another age")

    monkeypatch.setattr(ledger, "expire", expire)
    reconcile()
    assert hints == [("enrichment.jobs.plan", (run.pk, 0))]
    assert "expire failed" in caplog.text


def test_a_silent_worker_is_given_up_though_a_layer_that_waits_is_not_installed_any_more(
    project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
) -> None:
    runs.plan(runs.request(project=project, by=alice, clips=[clip], tell=False))
    del small_layers["last"]
    batch = Batch.objects.filter(layer_run__layer="numbers").earliest("index")
    Batch.objects.filter(pk=batch.pk).update(
        state=Batch.State.RUNNING, attempts=leases.MOST_ATTEMPTS, leased_until=from_now(-1)
    )
    assert ledger.expire() == 1
    states = dict(LayerRun.objects.values_list("layer", "state"))
    assert states == {"numbers": State.FAILED, "sums": State.BLOCKED, "last": State.WAITING}


@pytest.mark.django_db(transaction=True)
def test_two_who_plan_a_new_clip_at_once_wait_for_each_other(
    project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
) -> None:
    first, second = (runs.request(project=project, by=alice, clips=[clip], tell=False) for _ in range(2))
    raised: list[Exception] = []

    def plan() -> None:
        try:
            runs.plan(second)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=plan)
    with transaction.atomic():
        runs.plan(first)
        other.start()
        time.sleep(0.5)
        assert other.is_alive(), "it waits until the first has ended"
    other.join(20)
    assert raised == []
    assert LayerRun.objects.count() == 3
    assert set(first.layer_runs.all()) == set(second.layer_runs.all())
