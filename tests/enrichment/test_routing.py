"""What one machine lacks another one may have: work goes there, and is put aside only where nobody has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from annotation.models import Project
from enrichment import compute, ledger, queue, routing, runs, workers
from enrichment.errors import EngineMissing
from enrichment.models import Batch, LayerRun, Run, Worker
from tests.enrichment.layers import only
from tests.enrichment.offered import COUNTER, Pixels, offering, save
from tests.factories import ClipFactory

State = LayerRun.State


@pytest.fixture(autouse=True)
def pixels(settings: Any, tmp_path: Path) -> Iterator[None]:
    """One layer that only an engine with weights computes, and a machine without any weights."""
    settings.WEIGHTS_DIR = tmp_path / "none"
    workers.be("")
    workers._Process.lacking.clear()
    with only(Pixels), offering(COUNTER):
        yield
    workers.be("")
    workers._Process.lacking.clear()


def announce(name: str, weights: Path, **more: Any) -> Worker:
    """The row of a worker on a machine with this folder of weights."""
    engines, lacks = workers.listing(weights)
    facts = {"queues": ["cpu"], "weights": str(weights), "engines": engines, "lacks": lacks, "ready": True}
    row, _ = Worker.objects.update_or_create(name=name, defaults={**facts, "seen_at": timezone.now(), **more})
    return row


def asked(project: Project, alice: User) -> Run:
    """Three batches and a closing one that need the weights `a`."""
    runs.configure(project=project, layer="pixels", engine="counter:a", by=alice)
    clip = ClipFactory(project=project, by=alice)
    Run.objects.all().delete()
    run = runs.request(project=project, by=alice, clips=[clip], layers=["pixels"], tell=False)
    runs.plan(run)
    return run


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The weights folder of another machine."""
    save(tmp_path / "elsewhere" / "a")
    return tmp_path / "elsewhere"


@pytest.mark.django_db
class TestPlanning:
    def test_a_machine_without_weights_plans_with_those_of_a_worker(
        self, project: Project, alice: User, elsewhere: Path
    ) -> None:
        announce("gpu@b", elsewhere)
        run = asked(project, alice)
        layer_run = run.layer_runs.get()
        assert layer_run.state == State.QUEUED
        assert layer_run.engine == "counter:a"
        assert "sha256:" in layer_run.engine_version

    def test_the_engines_page_offers_what_workers_have(self, elsewhere: Path) -> None:
        announce("gpu@b", elsewhere)
        assert routing.options(Pixels()) == [("counter:a", "The counter, a (on gpu@b)")]

    def test_a_worker_that_fell_silent_has_nothing(self, project: Project, alice: User, elsewhere: Path) -> None:
        announce("gpu@b", elsewhere, seen_at=timezone.now() - timedelta(minutes=5))
        with pytest.raises(EngineMissing, match="no weights 'a' below"):
            asked(project, alice)


@pytest.mark.django_db
class TestHandingOn:
    def test_a_batch_is_left_to_the_worker_that_has_the_weights(
        self, project: Project, alice: User, elsewhere: Path, settings: Any
    ) -> None:
        announce("gpu@b", elsewhere)
        announce("cpu@a", settings.WEIGHTS_DIR)
        run = asked(project, alice)
        workers.be("cpu@a")
        batch = Batch.objects.filter(state=Batch.State.QUEUED).first()
        assert batch is not None
        assert not compute.run_batch(batch.pk)
        batch.refresh_from_db()
        assert (batch.state, batch.attempts, batch.owner, batch.sent_at) == (Batch.State.QUEUED, 0, None, None)
        assert batch.not_before is not None
        assert "no weights 'a' below" in batch.error
        # Of the others it knows by now, and leaves them without a try.
        assert ledger.claim_like(batch.pk) is None
        workers.be("gpu@b")
        workers._Process.lacking.clear()
        settings.WEIGHTS_DIR = elsewhere
        Batch.objects.update(not_before=None)
        compute.work_here(run)
        assert run.layer_runs.get().state == State.DONE

    def test_where_nobody_has_them_it_is_put_aside_after_a_while_and_says_where_was_looked(
        self, project: Project, alice: User, elsewhere: Path, settings: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        announce("gpu@b", elsewhere)
        run = asked(project, alice)
        announce("gpu@b", tmp_path / "emptied")
        announce("cpu@a", settings.WEIGHTS_DIR)
        workers.be("cpu@a")
        batch = Batch.objects.filter(state=Batch.State.QUEUED).first()
        assert batch is not None
        compute.run_batch(batch.pk)
        layer_run = run.layer_runs.get()
        assert layer_run.state == State.RUNNING
        assert layer_run.homeless_at is not None
        Batch.objects.update(not_before=None)
        monkeypatch.setattr(routing, "GRACE", 0.0)
        compute.run_batch(batch.pk)
        layer_run.refresh_from_db()
        assert layer_run.state == State.FAILED
        assert layer_run.error.startswith("No worker that is running has what this takes. cpu@a: The counter has no")
        assert str(settings.WEIGHTS_DIR) in layer_run.error
        assert f"gpu@b: it has no weights 'a' below {tmp_path / 'emptied'}." in layer_run.error

    def test_a_layer_moves_to_the_queue_of_the_only_worker_that_has_the_weights(
        self, project: Project, alice: User, elsewhere: Path, settings: Any, monkeypatch: Any
    ) -> None:
        announce("gpu@b", elsewhere, queues=["files", "gpu"])
        run = asked(project, alice)
        monkeypatch.setattr(routing, "GRACE", 0.0)
        announce("cpu@a", settings.WEIGHTS_DIR)
        workers.be("cpu@a")
        batch = Batch.objects.filter(state=Batch.State.QUEUED, queue="cpu").first()
        assert batch is not None, "nobody who serves the usual queue was there to say that they lack it"
        compute.run_batch(batch.pk)
        assert run.layer_runs.get().state == State.RUNNING
        assert set(Batch.objects.values_list("queue", flat=True)) == {"gpu"}
        with transaction.atomic():
            ledger.begin(run.layer_runs.get())
        assert set(Batch.objects.values_list("queue", flat=True)) == {"gpu"}, "known beforehand now"

    def test_who_serves_no_batches_is_no_help(
        self, project: Project, alice: User, elsewhere: Path, settings: Any, monkeypatch: Any
    ) -> None:
        announce("hands@b", elsewhere, queues=["interactive"])
        run = asked(project, alice)
        monkeypatch.setattr(routing, "GRACE", 0.0)
        announce("cpu@a", settings.WEIGHTS_DIR)
        workers.be("cpu@a")
        for batch in list(Batch.objects.filter(state=Batch.State.QUEUED)):
            compute.run_batch(batch.pk)
        assert run.layer_runs.get().state == State.FAILED

    def test_other_weights_under_the_same_name_are_not_what_was_planned(
        self, project: Project, alice: User, elsewhere: Path, tmp_path: Path
    ) -> None:
        announce("gpu@b", elsewhere)
        layer_run = asked(project, alice).layer_runs.get()
        save(tmp_path / "others" / "a", content=b"others")
        assert "are others" in announce("gpu@c", tmp_path / "others").why_not(layer_run)
        assert announce("gpu@b", elsewhere).why_not(layer_run) == ""

    def test_a_command_that_computes_alone_waits_for_nobody(
        self, project: Project, alice: User, elsewhere: Path
    ) -> None:
        announce("gpu@b", elsewhere)
        run = asked(project, alice)
        Worker.objects.all().delete()
        compute.work_here(run)
        assert run.layer_runs.get().state == State.FAILED

    def test_what_was_refused_is_forgotten_when_the_worker_finds_other_weights(
        self, project: Project, alice: User, elsewhere: Path, settings: Any
    ) -> None:
        announce("gpu@b", elsewhere)
        layer_run = asked(project, alice).layer_runs.get()
        announce("cpu@a", settings.WEIGHTS_DIR)
        workers.be("cpu@a")
        workers.refuse(layer_run, "It has none.")
        assert Worker.objects.get(name="cpu@a").why_not(layer_run) == "cpu@a: It has none."
        settings.WEIGHTS_DIR = elsewhere
        workers.Announcing(["cpu"], watch=list)._list()
        assert Worker.objects.get(name="cpu@a").why_not(layer_run) == ""


BROKERS = ["filesystem://localhost", os.environ.get("REDIS_URL", "")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("serving", ["cpu", "gpu"])
@pytest.mark.parametrize("broker", BROKERS, ids=["files", "redis"])
def test_of_two_workers_the_one_with_the_weights_does_all_that_needs_them(
    broker: str, serving: str, project: Project, alice: User, elsewhere: Path, tmp_path: Path, start: Callable[..., Any]
) -> None:
    without = start(broker, "without", tmp_path / "none")
    having = start(broker, "having", elsewhere, serving=serving)
    wait(lambda: Worker.objects.live().filter(ready=True).count() == 2, tmp_path)
    run = asked(project, alice)
    queue.tell_again()
    wait(lambda: not run.layer_runs.unsettled().exists(), tmp_path)
    layer_run = run.layer_runs.get()
    assert layer_run.state == State.DONE, layer_run.error
    done_by = set(Batch.objects.filter(layer_run=layer_run).values_list("worker", flat=True))
    assert {name.rpartition(":")[2] for name in done_by} == {str(having.pid)}
    assert layer_run.failures == 0
    for process in (without, having):
        process.terminate()
        process.wait(20)
    assert not Worker.objects.exists(), "a worker that ends takes its row away"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts workers that share this test's database and clips, each with weights of its own."""
    database = connection.settings_dict
    if not configured.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        pytest.skip("needs the embedded database; the services have tests of their own")
    running: list[subprocess.Popen[bytes]] = []
    home = tmp_path / "home"

    def one(broker: str, name: str, weights: Path, serving: str = "cpu") -> subprocess.Popen[bytes]:
        if not broker:
            pytest.skip("REDIS_URL is not set")
        app = Celery("hints", broker=broker, set_as_current=False)
        if broker.startswith("filesystem"):
            messages, control = home / "broker/messages", home / "broker/control"
            messages.mkdir(parents=True, exist_ok=True)
            control.mkdir(exist_ok=True)
            app.conf.broker_transport_options = {
                "data_folder_in": str(messages),
                "data_folder_out": str(messages),
                "control_folder": str(control),
                "store_processed": False,
            }
        monkeypatch.setattr(queue, "current_app", app)
        own = {
            "LOUPE_HOME": str(home),
            "LOUPE_WEIGHTS": str(weights),
            "CELERY_BROKER_URL": broker,
            "DATABASE_URL": f"sqlite:///{database['NAME']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        words = ["worker", "--queues", serving, "--pool", "solo", "--hostname", f"{name}@here", "--loglevel", "INFO"]
        words += ["--without-mingle", "--without-gossip"]
        with (tmp_path / "worker.log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.enrichment.routed_worker", *words],
                    cwd=configured.BASE_DIR,
                    env=os.environ | own,
                    stdout=log,
                    stderr=log,
                )
            )
        return running[-1]

    yield one
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait(done: Callable[[], bool], folder: Path, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            left = list(Batch.objects.values_list("index", "state", "worker", "error"))
            pytest.fail(f"Not within {seconds} s. {left}\n{(folder / 'worker.log').read_text()[-4000:]}")
        queue.tell_again()
        time.sleep(0.2)
