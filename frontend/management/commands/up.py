"""Everything on one machine, in one command: database, static files, worker, scheduler and server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from enrichment import queue
from enrichment.models.worker import COMPUTING, CONTROL

# Who presses Ctrl-C does not wait for the minutes, at most half an hour, that a batch may take: it is cut off. The
# ledger hands it out again, and no more than that batch is computed twice.
PATIENCE = 10.0
_WAITED_FOR = (queue.INTERACTIVE, queue.INTERACTIVE_GPU)
# Started when the server answers: nobody has uploaded anything before.
_CAN_WAIT = ("files",)


class Command(BaseCommand):
    help = "Start the server with an embedded worker on this machine; Ctrl-C stops everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="make the demo project first and print its log-ins")
        parser.add_argument("--workers", type=int, default=2, help="processes that compute layers")

    def handle(self, *, port: int, demo: bool, workers: int, **options: Any) -> None:
        _demand_free(port)
        for folder in (settings.LOGS_DIR, settings.CLIPS_DIR, settings.UPLOADS_DIR, settings.DELIVERIES_DIR):
            folder.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        if demo:
            call_command("demo", leave_to_workers=True, stdout=self.stdout)
        # Both are set: a shell that starts us in the background has made us deaf to SIGINT.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _as_interrupt)
        address = f"http://127.0.0.1:{port}"
        # They share the cores with each other, and with what people wait for, which may use them all.
        os.environ.setdefault("LOUPE_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
        commands = workers_of(workers)
        children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                if name not in _CAN_WAIT:
                    children[name] = _begin(name, command)
            children["server"] = _begin("server", _server(port))
            _wait_until_serving(port, children["server"])
            children.update({name: _begin(name, commands[name]) for name in _CAN_WAIT})
            self.stdout.write(f"\nLoupe is on {address}  (Ctrl-C stops it; logs in {settings.LOGS_DIR})\n")
            self.stdout.flush()
            self._watch(children, commands)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            _stop(children)
        self.stdout.write("Stopped. Nothing is lost: start again the same way.")

    def _watch(self, children: dict[str, subprocess.Popen[bytes]], commands: dict[str, list[str]]) -> None:
        """Restart a worker that died; end when the server does."""
        while children["server"].poll() is None:
            for name, command in commands.items():
                if children[name].poll() is not None:
                    self.stderr.write(f"The worker stopped and is started again; see {name}.log for the reason.")
                    children[name] = _begin(name, command)
            time.sleep(1.0)
        raise CommandError(f"The server stopped by itself; the end of {settings.LOGS_DIR / 'server.log'} says why.")


def _demand_free(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port that a server left a moment ago may be taken again.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is in use. Stop what uses it, or choose another one: make demo PORT={port + 1}."
            ) from error


def workers_of(processes: int) -> dict[str, list[str]]:
    """The commands of all workers by the names of their logs."""
    return {
        "worker": _worker(processes),
        "control": _control_worker(),
        "interactive": _interactive_worker(),
        "files": _files_worker(),
    }


def _worker(processes: int) -> list[str]:
    """One Celery worker for layers, taking from its queues in turn, with the scheduler inside it."""
    return ["nice", "-n", "5", *_celery("layers", COMPUTING), "-B", "--concurrency", str(processes)]


def _control_worker() -> list[str]:
    """A worker that is never busy with layers, or with masks, when a request is to be planned or lost work taken up."""
    return [*_celery("control", [CONTROL]), "--pool", "solo", "--without-gossip"]


def _interactive_worker() -> list[str]:
    """A worker that is never busy with layers when somebody waits for a mask; two may wait at once."""
    words = _celery("interactive", _WAITED_FOR)
    return ["env", "LOUPE_THREADS=0", *words, "--concurrency", "2", "--without-gossip"]


def _files_worker() -> list[str]:
    """A worker that is never busy with layers when somebody uploads or delivers; an upload passes a long delivery."""
    return ["nice", "-n", "5", *_celery("files", ["files"]), "--concurrency", "2", "--without-gossip"]


def _celery(name: str, queues: Iterable[str]) -> list[str]:
    """A worker of this name. No queue has two of them: RabbitMQ would hand what one holds to no other."""
    return [
        *(sys.executable, "-m", "celery", "-A", "config", "worker", "--hostname", f"{name}@%h"),
        *("--queues", ",".join(queues), "--loglevel", "INFO", "--without-mingle"),
    ]


def _server(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(port)),
        *("--log-level", "warning", "--timeout-graceful-shutdown", "3"),
    ]


def _begin(name: str, command: list[str]) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches it through us and in order."""
    with (settings.LOGS_DIR / f"{name}.log").open("ab") as sink:
        return subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )


def _wait_until_serving(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CommandError(f"The server did not start; the end of {settings.LOGS_DIR / 'server.log'} says why.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise CommandError(f"The server did not answer on port {port} within a minute; see {settings.LOGS_DIR}.")


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """End all children, at once when Ctrl-C is pressed again; none is left behind by that."""
    hurried: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: hurried.append(number))
    for child in children.values():
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while not hurried and time.monotonic() < deadline and any(child.poll() is None for child in children.values()):
        time.sleep(0.1)
    for child in children.values():
        # The whole session: a worker's own processes too, whether or not it could end them itself.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        child.send_signal(number)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
