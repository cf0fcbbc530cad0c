"""Servers of a test's own, to be killed: the ones that other tests share must not be."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

PATIENCE = 60.0


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def program(name: str) -> str:
    """Where a server's program is; a test that needs it is skipped elsewhere."""
    # Debian keeps PostgreSQL's programs out of the PATH.
    homes = [*(f"/usr/lib/postgresql/{major}/bin" for major in range(18, 12, -1)), os.environ.get("PATH", "")]
    found = next((place for home in homes if (place := shutil.which(name, path=home))), None)
    if found is None:
        pytest.skip(f"{name} is not installed on this machine")
    return found


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Wait until something is so; returns how long it took, in seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            pytest.fail(f"{what} did not happen within {seconds:.0f} s.")
        time.sleep(0.05)
    return time.monotonic() - began


def answers(port: int) -> bool:
    with closing(socket.socket()) as trying:
        trying.settimeout(1)
        return trying.connect_ex(("127.0.0.1", port)) == 0


class Killable(ABC):
    """A server process in a group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """How a client names it."""

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """What starts it, and what to add to the environment."""

    def start(self) -> None:
        command, more = self.command()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | more, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        until(self.is_up, f"{type(self).__name__} answers")

    def is_up(self) -> bool:
        return answers(self.port)

    def kill(self) -> None:
        """SIGKILL to all of it, as when the machine loses its power."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            until(lambda: not answers(self.port), f"{type(self).__name__} is gone")


class Redis(Killable):
    """With its defaults but for the port, and without a file: a kill loses everything in it."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> tuple[list[str], dict[str, str]]:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return [program("redis-server"), *words], {}


class Rabbit(Killable):
    """A broker of its own name, with its own files."""

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> tuple[list[str], dict[str, str]]:
        config = self.folder / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        named = {
            "RABBITMQ_NODENAME": f"loupe{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "HOME": str(self.folder),
        }
        # The wrapper of some systems changes to another user and to /var/lib; the program below it does not.
        inner = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        return [inner if Path(inner).exists() else program("rabbitmq-server")], named


class Postgres(Killable):
    """A cluster of its own, with `fsync` and `synchronous_commit` as they are by default: on."""

    def __init__(self) -> None:
        # Not in pytest's own folder, which nobody else may enter.
        super().__init__(Path(tempfile.mkdtemp(prefix="loupe-postgres-")))
        self._data = self.folder / "data"
        # PostgreSQL will not run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            try:
                pwd.getpwnam("postgres")
            except KeyError:
                pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
            shutil.chown(self.folder, "postgres")
        made = [*self._as, program("initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, cwd=self.folder)

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> tuple[list[str], dict[str, str]]:
        words = ["-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        return [*self._as, program("postgres"), *words], {}

    def is_up(self) -> bool:
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(self.url).close()
            return True
        return False

    def stop_at_once(self) -> None:
        """What `pg_ctl stop -m immediate` does: as a crash, without a checkpoint."""
        # What pg_ctl would send; the first line of this file is the server's own number, not that of what started it.
        os.kill(int((self._data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        if self._process is not None:
            self._process.wait(PATIENCE)

    def remove(self) -> None:
        """Kill it and leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
