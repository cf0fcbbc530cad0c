"""A real Celery worker on a real broker (files) and a real database (SQLite, WAL), killed while it computes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet

from annotation import clips
from annotation.models import Clip, Project
from enrichment import ledger, queue, runs
from enrichment.models import Batch, LayerRun, Run
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = 2
# More of them show the same for longer: LOUPE_KILLS=20.
KILLS = int(os.environ.get("LOUPE_KILLS", "1"))
# Each kill comes after one more batch of 60 frames.
FRAMES = 300 + 60 * KILLS


class Worker:
    """A worker process with one child that computes, in a group of its own."""

    def __init__(self, home: Path, log: Path, **variables: str) -> None:
        database = settings.DATABASES["default"]
        address = f"sqlite:///{connection.settings_dict['NAME']}" if database["ENGINE"].endswith("sqlite3") else None
        environment = os.environ | {
            "LOUPE_HOME": str(home),
            "LOUPE_LEASE_SECONDS": str(LEASE),
            "CELERY_BROKER_URL": "filesystem://localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        if address is None:
            pytest.skip("needs the embedded database; the services have tests of their own")
        environment["DATABASE_URL"] = address
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--queues", "cpu", "--concurrency", "1"]
        command += ["--pool", "prefork", "--loglevel", "INFO", "--without-mingle", "--without-gossip"]
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=environment, stdout=sink, stderr=sink, start_new_session=True
            )

    def kill(self) -> None:
        """SIGKILL to the worker and its child at once, as when the machine loses its power."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def start(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Worker]]:
    """Start workers that share this test's clips and a broker of their own."""
    home = tmp_path / "home"
    workers: list[Worker] = []
    messages = home / "broker/messages"
    messages.mkdir(parents=True)
    (home / "broker/control").mkdir()
    # This process hands its hints to the same broker, and no other test's worker reads from it.
    app = Celery("hints", broker="filesystem://localhost", set_as_current=False)
    app.conf.broker_transport_options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(home / "broker/control"),
        "store_processed": False,
    }
    monkeypatch.setattr(queue, "current_app", app)

    def one(**variables: str) -> Worker:
        workers.append(Worker(home, tmp_path / "worker.log", **variables))
        return workers[-1]

    yield one
    for worker in workers:
        worker.kill()


def wait_for(done: Callable[[], bool], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            left = list(Batch.objects.exclude(state=Batch.State.DONE).values_list("layer_run__layer", "index", "state"))
            said = log.read_text()[-3000:]
            pytest.fail(f"It did not happen within {seconds} s. Left are {left}. The worker said:\n{said}")
        # What the scheduler would do every few seconds.
        ledger.expire()
        queue.tell_again()
        time.sleep(0.05)


def test_a_worker_killed_in_the_middle_costs_at_most_one_batch(
    project: Project, alice: User, start: Callable[..., Worker], tmp_path: Path
) -> None:
    clip: Clip = ClipFactory(project=project, by=alice, frames=FRAMES)
    run = runs.request(project=project, by=alice, clips=[clip], layers=["flow"], tell=False)
    runs.plan(run)
    log = tmp_path / "worker.log"
    flow = Batch.objects.filter(layer_run__layer="flow", closing=False)
    done = flow.filter(state=Batch.State.DONE)
    total, kept = flow.count(), 0
    for kill in range(KILLS):
        worker = start()
        wait_for(partial(enough, done, min(kept + 1, total)), 40, log)
        worker.kill()
        kept = done.all().count()
        if kill == 0:
            assert kept < total, "the worker was quicker than the test; give the clip more frames"
            written = {
                path.stem: path.stat().st_mtime_ns
                for batch in done.all()
                for path in pieces(clip)
                if batch.start <= int(path.stem) < batch.end
            }
    killed_at = time.monotonic()
    start()
    wait_for(lambda: settled(run) or done.all().count() > kept, 40, log)
    assert time.monotonic() - killed_at < 30, "work was resumed, but late"
    # The closing batch files every frame's flow, however many kills there were before it.
    wait_for(partial(settled, run), 40 + FRAMES / 20, log)
    layer_run = LayerRun.objects.get(clip=clip, layer="flow")
    assert layer_run.state == LayerRun.State.DONE
    attempts = list(Batch.objects.values_list("attempts", flat=True))
    assert sum(max(0, count - 1) for count in attempts) <= KILLS, f"each kill may repeat one batch, but {attempts}"
    # Other layers of the clip, which its arrival asked for, are still under way.
    assert not [problem for problem in clips.folder(clip).verify() if problem.path.startswith("flow/")]
    assert len(layer_run.files) == FRAMES - 1 + 1
    # What a dead worker had finished is used, not made again.
    for name, when in written.items():
        assert (clip.folder / f"flow/flow_{name}.npy").stat().st_mtime_ns == when


def test_a_batch_that_takes_too_long_is_stopped_and_says_so(
    project: Project, alice: User, start: Callable[..., Worker], tmp_path: Path
) -> None:
    clip: Clip = ClipFactory(project=project, by=alice, frames=240, width=1280, height=720)
    # Every frame of this size takes some fifty milliseconds, and 120 of them are a batch; one of two has to be caught.
    runs.configure(project=project, layer="metadata", parameters={"measure_every": 1}, by=alice)
    run = runs.request(project=project, by=alice, clips=[clip], layers=["metadata"], tell=False)
    runs.plan(run)
    start(LOUPE_BATCH_SECONDS="1")
    told = Batch.objects.filter(layer_run__layer="metadata").exclude(error="")
    wait_for(told.all().exists, 60, tmp_path / "worker.log")
    batch = told.all()[0]
    assert re.match(
        rf"Frames {batch.start} to {batch.end - 1} were stopped after \d seconds, longer than a batch may take. "
        "The engine is too slow for this worker: choose a quicker one",
        batch.error,
    )
    assert batch.attempts == 1
    assert batch.taken_at is not None


def settled(run: Run) -> bool:
    return not Run.objects.get(pk=run.pk).layer_runs.unsettled().exists()


def enough(batches: QuerySet[Batch], count: int) -> bool:
    return batches.all().count() >= count


def pieces(clip: Clip) -> list[Path]:
    return list((clip.folder.parent / ".checkpoints").rglob("[0-9]*.npy"))
