"""A real web server, a task in somebody's hands, and a client that writes until it is acknowledged."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZE = (180, 320)
SLOWEST = 30.0  # s for one write, however often something dies under it


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


@contextmanager
def serving(home: Path, **variables: str) -> Iterator[Server]:
    """Start a server in a home of its own; `variables` are added to its environment."""
    left_out = {"DATABASE_URL", "REDIS_URL", "LOUPE_TEST_HOME"}
    environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if k not in left_out} | {
        "LOUPE_HOME": str(home),
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **variables,
    }
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
    log = (home / "server.log").open("w")
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
        yield Server(home, port, children, int(task), token)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        log.close()
