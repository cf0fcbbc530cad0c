"""What `up` has started ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from frontend.management.commands import up

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The test's own, again."""
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in known.items():
        signal.signal(number, handler)


def test_who_presses_ctrl_c_again_does_not_wait_and_leaves_nothing_running() -> None:
    children = {
        name: subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, start_new_session=True)
        for name in ("worker", "server")
    }
    for child in children.values():
        assert child.stdout is not None
        child.stdout.readline()
    again = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    again.start()
    began = time.monotonic()
    up._stop(children)
    again.join()
    assert time.monotonic() - began < up.PATIENCE / 2
    assert [child.poll() for child in children.values()] == [-signal.SIGKILL] * 2
