"""Brokers and the database are killed in the middle of work; nothing is lost, and work goes on.

One kill keeps the suite quick; LOUPE_LONG=1 makes the 20 by which reliability is promised.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pytest

from annotation.geometry import rle
from enrichment import queue
from tests.annotation.saving import ROOT, SIZE, serving
from tests.deployment.servers import Killable, Postgres, Rabbit, Redis, until
from tests.factories import tiny_video

KILLS = 20 if os.environ.get("LOUPE_LONG") else 1
FRAMES = 60 + 60 * KILLS
SLUG = "killed"


class Deployment:
    """A home with one project and one clip, a worker, and a broker that dies."""

    def __init__(self, home: Path, broker: str) -> None:
        self.home = home
        left_out = {"DATABASE_URL", "REDIS_URL", "LOUPE_TEST_HOME"}
        self._environment = {k: v for k, v in os.environ.items() if k not in left_out} | {
            "LOUPE_HOME": str(home),
            "CELERY_BROKER_URL": broker,
            "LOUPE_LEASE_SECONDS": "4",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self._worker: subprocess.Popen[bytes] | None = None

    def manage(self, *words: str) -> None:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False, timeout=180
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def begin(self) -> None:
        self.manage("migrate", "-v0")
        script = (
            "from django.contrib.auth.models import User; from annotation import projects; "
            f"projects.create(name='Killed', slug='{SLUG}', by=User.objects.create_superuser('maria'))"
        )
        self.manage("shell", "-c", script)
        self.manage("ingest", SLUG, str(tiny_video(907, frames=FRAMES, width=192, height=128)))
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-B", "-Q", ",".join(queue.EVERY)]
        command += ["--concurrency", "1", "--schedule", str(self.home / "beat"), "--loglevel", "WARNING"]
        with (self.home / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def end(self) -> None:
        if self._worker is not None:
            os.killpg(self._worker.pid, 9)
            self._worker.wait()

    def ask(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.home / 'loupe.sqlite3'}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(statement).fetchall()

    def batches_done(self) -> int:
        return int(self.ask("SELECT count(*) FROM enrichment_batch WHERE state = 'done'")[0][0])

    def is_settled(self) -> bool:
        open_states = "('waiting', 'queued', 'running')"
        left = self.ask(f"SELECT count(*) FROM enrichment_layerrun WHERE state IN {open_states}")[0][0]
        return int(left) == 0 and self.batches_done() > 0


@pytest.fixture(params=[Redis, Rabbit], ids=["Redis", "RabbitMQ"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Killable]:
    folder = tmp_path / "broker"
    folder.mkdir()
    server: Killable = request.param(folder)
    server.start()
    yield server
    server.kill()


def test_a_broker_that_is_killed_loses_no_work(broker: Killable, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    deployment = Deployment(home, broker.url)
    slowest = 0.0
    try:
        deployment.begin()
        for _ in range(KILLS):
            before = deployment.batches_done()
            if deployment.is_settled():
                break
            until(lambda had=before: deployment.batches_done() > had or deployment.is_settled(), "a batch", 120)
            broker.kill()
            broker.start()
            had = deployment.batches_done()
            if not deployment.is_settled():
                slowest = max(slowest, until(lambda had=had: deployment.batches_done() > had, "consuming again", 120))
        # What is left takes as long as it takes; more kills come with more frames.
        until(deployment.is_settled, "all work", 240 + FRAMES / 2)
    finally:
        deployment.end()
    states = dict(deployment.ask("SELECT state, count(*) FROM enrichment_layerrun GROUP BY state"))
    sys.stdout.write(f"\n{KILLS} kills, consuming again after {slowest:.1f} s at most, layers {states}\n")
    assert set(states) <= {"done", "no_engine"}, states
    assert slowest < 60
    attempts = deployment.ask("SELECT max(attempts) FROM enrichment_batch")[0][0]
    assert attempts <= 1 + KILLS


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_a_database_that_crashes_loses_no_acknowledged_write(postgres: Postgres, tmp_path: Path) -> None:
    chance = random.Random(5)
    home = tmp_path / "home"
    home.mkdir()
    picture = np.zeros(SIZE, np.uint8)
    acknowledged: list[str] = []
    slowest = 0.0
    with serving(home, DATABASE_URL=postgres.url) as server, ThreadPoolExecutor(1) as crashes:
        track, mask = str(uuid.uuid4()), str(uuid.uuid4())
        assert server.save(f"tracks/{track}/", {"label": "container"}, 0) == 1

        def draw() -> None:
            n = len(acknowledged)
            picture[n % SIZE[0], (7 * n) % SIZE[1]] ^= 1
            picture[-1, n % SIZE[1]] = 1
            counts = rle.encode(picture)["counts"]
            version = server.save(f"masks/{mask}/", {"track": track, "frame": 0, "counts": counts}, n)
            acknowledged.append(counts)
            assert version == len(acknowledged), "a write was made twice, or another one was lost"

        for _ in range(KILLS):
            draw()
            crashed = crashes.submit(_crash, postgres, chance.random() * 0.3)
            while not crashed.done():
                draw()
            crashed.result()
            began = time.monotonic()
            draw()
            slowest = max(slowest, time.monotonic() - began)
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT counts, stale FROM annotation_maskrevision WHERE of_id = %s ORDER BY id", [mask])
        rows = cursor.fetchall()
    sys.stdout.write(f"\n{KILLS} crashes, {len(acknowledged)} writes, serving again after {slowest:.1f} s at most\n")
    assert rows == [(counts, False) for counts in acknowledged]
    # Otherwise the crashes fell beside the writes and show nothing.
    assert server.unanswered
    assert slowest < 15


def _crash(postgres: Postgres, after: float) -> None:
    time.sleep(after)
    postgres.stop_at_once()
    postgres.start()
