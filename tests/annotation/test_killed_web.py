"""The web process is killed in the middle of saves; the client asks again. Nothing acknowledged is lost or doubled.

A few kills keep the suite quick; LOUPE_LONG=1 runs the 200 by which reliability is promised.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.geometry import rle

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200 if os.environ.get("LOUPE_LONG") else 12
SIZE = (180, 320)
SLOWEST = 30.0  # s for one write, however often the process dies under it


@dataclass
class Server:
    """The killed and risen web server, and a task in somebody's hands."""

    home: Path
    port: int
    children: queue.Queue[int]
    task: int
    token: str
    unanswered: int = 0

    def next_child(self) -> int:
        """The process that serves once the one before is dead."""
        return self.children.get(timeout=SLOWEST)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """One request on a connection of its own; status 0 when no answer came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        said = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, f"/api/tasks/{self.task}/{path}", json.dumps(body), said)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return 0, None
        finally:
            connection.close()

    def save(self, path: str, body: object, base: int) -> int:
        """Write until it is acknowledged, always with the same key, as the browser does; returns the version."""
        key = str(uuid.uuid4())
        until = time.monotonic() + SLOWEST
        while time.monotonic() < until:
            status, answer = self.ask("PUT", path, body, Idempotency_Key=key, If_Match=f'"{base}"')
            if status in (200, 201):
                return int(answer["version"])
            assert status in (0, 500, 503), (status, answer)
            self.unanswered += 1
            time.sleep(0.01)
        raise AssertionError(f"No write got through in {SLOWEST:.0f} s.")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "LOUPE_TEST_HOME"}}
    environment = kept | {"LOUPE_HOME": str(tmp_path), "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    in_root: dict[str, Any] = {"cwd": ROOT, "env": environment}
    script = (
        "from django.contrib.auth.models import User; from rest_framework.authtoken.models import Token; "
        "from annotation import tasks; from annotation.models import Task; "
        "bob = User.objects.get(username='bob'); clip = Task.objects.first().clip; "
        "task = tasks.claim(task=Task.objects.first(), user=bob); "
        "print(task.pk, Token.objects.create(user=bob).key)"
    )
    for words in (["manage.py", "migrate", "-v0"], ["-m", "tests.browser.stage"], ["manage.py", "shell", "-c", script]):
        done = subprocess.run([sys.executable, *words], **in_root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    task, token = done.stdout.split()[-2:]
    log = (tmp_path / "server.log").open("w")
    command = [sys.executable, "-m", "tests.annotation.killed_web"]
    process = subprocess.Popen(
        command, **in_root, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    children: queue.Queue[int] = queue.Queue()
    lines = process.stdout
    threading.Thread(target=lambda: [children.put(int(line)) for line in lines], daemon=True).start()
    try:
        yield Server(tmp_path, port, children, int(task), token)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        log.close()


def test_a_web_process_killed_in_the_middle_of_saves_loses_and_doubles_nothing(server: Server) -> None:
    chance = random.Random(11)
    track, mask = str(uuid.uuid4()), str(uuid.uuid4())
    assert server.save(f"tracks/{track}/", {"label": "container"}, 0) == 1
    acknowledged: list[str] = []
    picture = np.zeros(SIZE, np.uint8)

    def draw() -> float:
        """Save one more pixel; returns how long it took, in seconds."""
        n, began = len(acknowledged), time.monotonic()
        picture[n % SIZE[0], (7 * n) % SIZE[1]] ^= 1
        picture[-1, n % SIZE[1]] = 1
        acknowledged.append(rle.encode(picture)["counts"])
        body = {"track": track, "frame": 0, "counts": acknowledged[-1]}
        version = server.save(f"masks/{mask}/", body, len(acknowledged) - 1)
        assert version == len(acknowledged), "a write was made twice, or another one was lost"
        return time.monotonic() - began

    child = server.next_child()
    for _ in range(KILLS):
        draw()
        # An undisturbed save tells how long the moment is within which the kill has to fall.
        took = draw()
        killer = threading.Timer(chance.random() * took, _kill, [child])
        killer.start()
        draw()
        killer.join()
        child = server.next_child()
    with sqlite3.connect(f"file:{server.home / 'loupe.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT counts, stale FROM annotation_maskrevision WHERE of_id = ? ORDER BY id", [mask.replace("-", "")]
        ).fetchall()
        integrity = database.execute("PRAGMA integrity_check").fetchone()
    assert rows == [(counts, 0) for counts in acknowledged]
    assert integrity == ("ok",)
    # Otherwise the kills fell beside the saves and show nothing.
    assert server.unanswered >= KILLS / 3


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
