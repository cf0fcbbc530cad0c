"""Run one of our own modules in a process that cannot take the machine down with it.

Media is hostile: a decoder fed with a crafted file may ask for all memory, loop for ever or crash. It does so in a
process of its own, with limits the kernel keeps and without this process's environment.
"""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class Ended:
    """How the process ended: its code (negative is a signal), whether its time was up, its last complaints."""

    code: int
    timed_out: bool
    complaint: str


def restrict(*, memory_bytes: int, cpu_seconds: int, file_bytes: int = 2**30) -> None:
    """Limit this very process for good; called by the module that runs, before it touches the file.

    A process that limits itself needs nothing done between fork and exec, which is not safe in a threaded server.
    """
    for kind, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))


def run(
    module: str,
    arguments: Sequence[str],
    *,
    wall_seconds: float,
    silent_seconds: float,
    line: Callable[[str], None],
) -> Ended:
    """Run `python -m module arguments` and hand over every line it prints, as it comes.

    Args:
        module: one of our own, which calls `restrict` first.
        arguments: its command line.
        wall_seconds: after this it is killed.
        silent_seconds: it is killed, too, when it prints nothing for so long: a decoder that is stuck uses no time that
            the kernel would count.
        line: called with each line of its standard output.

    Returns:
        How it ended.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # One thread of linear algebra: its pools alone would use up the address space.
    environment |= {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    complaints: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        watch = _Watch(process, wall_seconds, silent_seconds)
        # Read away, or a talkative decoder would block on a full pipe; only the end is kept.
        listener = threading.Thread(target=_listen, args=(process, complaints), daemon=True)
        watch.start()
        listener.start()
        try:
            for told in process.stdout or ():
                watch.heard()
                line(told.rstrip("\n"))
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
            watch.stop()
            listener.join(timeout=5)
    return Ended(code, watch.killed, "".join(complaints)[-2000:])


class _Watch(threading.Thread):
    """Kills a process when its time is up or it has been silent for too long."""

    def __init__(self, process: "subprocess.Popen[str]", wall_seconds: float, silent_seconds: float) -> None:
        super().__init__(daemon=True)
        self.killed = False
        self._process = process
        self._end = time.monotonic() + wall_seconds
        self._silent_seconds = silent_seconds
        self._heard = time.monotonic()
        self._over = threading.Event()

    def heard(self) -> None:
        """Note that the process has said something."""
        self._heard = time.monotonic()

    def stop(self) -> None:
        """Stop watching; the process is gone."""
        self._over.set()

    def run(self) -> None:
        """Wait until the process is gone or must go."""
        while not self._over.is_set():
            left = min(self._end, self._heard + self._silent_seconds) - time.monotonic()
            if left <= 0:
                self.killed = True
                self._process.kill()
                return
            self._over.wait(left)


def _listen(process: "subprocess.Popen[str]", complaints: list[str]) -> None:
    for complaint in process.stderr or ():
        complaints.append(complaint)
        del complaints[:-20]
