"""What keeps everything else going is not held up by a line of batches: a real worker on real brokers."""

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
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotation.models import Project
from enrichment import queue, runs, workers
from enrichment.models import Batch, Run, Worker, from_now
from enrichment.models.worker import CONTROL
from tests.enrichment.layers import Numbers, only
from tests.enrichment.slow_worker import SECONDS, Slow
from tests.factories import ClipFactory, ProjectFactory, clip_rows

BROKERS = ["filesystem://localhost", os.environ.get("REDIS_URL", "")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", BROKERS, ids=["files", "redis"])
def test_a_worker_with_a_line_of_slow_batches_reconciles_within_seconds(
    broker: str, project: Project, alice: User, tmp_path: Path, start: Callable[[str], Celery]
) -> None:
    with only(Slow):
        clip = ClipFactory(project=project, by=alice, frames=80)
        Run.objects.all().delete()
        runs.plan(runs.request(project=project, by=alice, clips=[clip], layers=["numbers"], tell=False))
        app = start(broker)
        assert queue.top_up() == queue.WINDOW
        done = Batch.objects.filter(state=Batch.State.DONE)
        until(lambda: done.count() > 1, tmp_path)
        # A request whose message was lost: only the reconciler plans it.
        lost = Run.objects.create(project=project, layers=["numbers"], clips=[], clip_count=0)
        due = settings.CELERY_BEAT_SCHEDULE["enrichment.jobs.reconcile"]
        app.send_task(due["task"], **due["options"])
        took = until(
            lambda: Run.objects.filter(pk=lost.pk, planned_at__isnull=False).exists(), tmp_path, due["schedule"]
        )
    assert took < 6 * SECONDS
    assert Batch.objects.filter(state=Batch.State.QUEUED).count() > queue.WINDOW / 2, (
        "the line was too short to show it"
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", BROKERS, ids=["files", "redis"])
def test_a_small_request_is_planned_while_a_large_one_is(
    broker: str, project: Project, alice: User, tmp_path: Path, start: Callable[[str], Celery]
) -> None:
    with only(Slow):
        clip_rows(project, 1500)
        Run.objects.all().delete()
        start(broker)
        large = runs.request(project=project, by=alice, layers=["numbers"])
        begun = Run.objects.filter(pk=large.pk, clips_planned__gt=0)
        until(begun.exists, tmp_path)
        small = runs.request(project=project, by=alice, clips=project.clips.order_by("-pk")[:1], layers=["numbers"])
        until(lambda: Run.objects.filter(pk=small.pk, planned_at__isnull=False).exists(), tmp_path)
    large.refresh_from_db()
    assert large.planned_at is None, "the large one was too small to show it"
    assert large.clips_planned > 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_the_embedded_broker_goes_on_when_its_folder_was_away(
    project: Project, alice: User, tmp_path: Path, start: Callable[[str], Celery]
) -> None:
    with only(Slow):
        clip_rows(project, 2)
        Run.objects.all().delete()
        start(BROKERS[0])

        def planned(first: int) -> Callable[[], bool]:
            clips = project.clips.order_by("pk")[first : first + 1]
            run = runs.request(project=project, by=alice, clips=clips, layers=["numbers"])
            return Run.objects.filter(pk=run.pk, planned_at__isnull=False).exists

        until(planned(0), tmp_path)
        broker = tmp_path / "home/broker"
        broker.rename(tmp_path / "away")
        until(lambda: "cannot be read" in (tmp_path / "worker.log").read_text(), tmp_path)
        time.sleep(2.0)
        (tmp_path / "away").rename(broker)
        until(planned(1), tmp_path)


@pytest.mark.django_db
class TestWindows:
    def test_each_queue_has_a_window_of_its_own(
        self, project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(queue, "WINDOW", 3)
        monkeypatch.setattr(queue, "send", lambda job, pk, queue, expires: told.append(queue))
        with only(Numbers):
            clip = ClipFactory(project=project, by=alice, frames=100)
            runs.plan(runs.request(project=project, by=alice, clips=[clip], layers=["numbers"], tell=False))
        # Six that go first wait for a GPU, four for a processor.
        Batch.objects.filter(index__lt=6).update(queue="gpu", priority=1)
        Batch.objects.filter(closing=False).update(state=Batch.State.QUEUED)
        with django_capture_on_commit_callbacks(execute=True):
            assert queue.top_up() == 6
            assert queue.top_up() == 0
        assert sorted(told) == ["cpu"] * 3 + ["gpu"] * 3


@pytest.mark.django_db
class TestUnserved:
    def test_requests_that_no_worker_plans_are_said_to_leads(self, project: Project, dana: User) -> None:
        clip_rows(project, 1)
        run = Run.objects.create(project=project, layers=["flow"], clip_count=1)
        worker = Worker.objects.create(name="cpu@a", queues=["cpu", "gpu"], seen_at=timezone.now())
        assert workers.unserved(since=timezone.now() - timedelta(minutes=1)) == []
        Run.objects.filter(pk=run.pk).update(created_at=from_now(-120))
        browser = Client()
        browser.force_login(dana)
        page = browser.get(f"/projects/{project.slug}/runs/").content.decode()
        assert f"celery -A config worker -n {CONTROL}@%h --queues {CONTROL}" in page
        Run.objects.filter(pk=run.pk).update(project=ProjectFactory(slug="elsewhere"))
        Run.objects.create(project=project, layers=["flow"], clip_count=1, planned_at=timezone.now())
        page = browser.get(f"/projects/{project.slug}/runs/").content.decode()
        assert "no running worker serves" not in page, "what waits in another project is not told here"
        Run.objects.filter(pk=run.pk).update(project=project)
        worker.queues = [CONTROL, "cpu"]
        worker.save()
        assert workers.unserved(since=timezone.now() - timedelta(minutes=1)) == []


@pytest.mark.django_db
class TestNames:
    def test_two_running_workers_of_one_name_are_told_of_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        workers.be("celery@host")
        try:
            Worker.objects.create(name="celery@host", process="host:1", queues=["gpu"], seen_at=timezone.now())
            mine = workers.Announcing(["cpu"], watch=list)
            mine._beat()
            mine._beat()
            assert not caplog.records, "what a killed worker left is no other worker"
            Worker.objects.update(process="host:2", queues=["gpu"])
            mine._beat()
            assert "Two running workers are called celery@host" in caplog.text
            assert "host:2" in caplog.text
            Worker.objects.update(process="host:2", queues=["gpu"])
            mine.stop()
            assert Worker.objects.get().process == "host:2", "the other one's row stays"
        finally:
            workers.be("")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Celery]]:
    """Starts one worker with one process for everything; gives the application that hands it hints."""
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        pytest.skip("needs the embedded database; the services have tests of their own")
    home = tmp_path / "home"
    running: list[subprocess.Popen[bytes]] = []

    def one(broker: str) -> Celery:
        if not broker:
            pytest.skip("REDIS_URL is not set")
        app = Celery("hints", broker=broker, set_as_current=False)
        app.conf.task_routes = settings.CELERY_TASK_ROUTES
        app.conf.task_default_queue = settings.CELERY_TASK_DEFAULT_QUEUE
        if broker.startswith("filesystem"):
            messages, control = home / "broker/messages", home / "broker/control"
            messages.mkdir(parents=True, exist_ok=True)
            control.mkdir(exist_ok=True)
            folders = {"data_folder_in": str(messages), "data_folder_out": str(messages)}
            app.conf.broker_transport_options = folders | {"control_folder": str(control), "store_processed": False}
        monkeypatch.setattr(queue, "current_app", app)
        own = {
            "LOUPE_HOME": str(home),
            "CELERY_BROKER_URL": broker,
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        words = ["worker", "--queues", "control,cpu", "--concurrency", "1", "--loglevel", "INFO", "--without-gossip"]
        with (tmp_path / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "tests.enrichment.slow_worker", *words, "--without-mingle"]
            running.append(
                subprocess.Popen(
                    command,
                    cwd=settings.BASE_DIR,
                    env=os.environ | own,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return app

    yield one
    for process in running:
        os.killpg(process.pid, 9)
        process.wait()


def until(true: Callable[[], bool], folder: Path, seconds: float = 60.0) -> float:
    """Wait until something is so; returns for how long, in seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            pytest.fail(f"Not within {seconds} s.\n{(folder / 'worker.log').read_text()[-3000:]}")
        time.sleep(0.1)
    return time.monotonic() - began
