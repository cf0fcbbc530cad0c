"""Running a piece of work in a process of its own, so that its time and memory are its own.

`python -m benchmarks.processes WORK FRAMES` does the work in a fresh home and prints one JSON line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """units: frames or masks done. seconds, cpu: wall time and processor time of the work alone, with its children.

    peak: bytes resident at most. decoded: frames that came out of a decoder.
    """

    units: int
    seconds: float
    cpu: float
    peak: int
    decoded: int

    @property
    def rate(self) -> float:
        return self.units / self.seconds


def measure(work: str, frames: int, module: str = "works", home: str = "") -> Measured:
    """One run of one of benchmarks/works.py's works, or another module's, on a clip of so many frames.

    Args:
        home: a folder in which earlier works have left theirs; a fresh one by default.
    """
    with nullcontext(home) if home else tempfile.TemporaryDirectory(prefix="loupe-bench-") as place:
        unset = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_BUCKET"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"LOUPE_HOME": place, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-m", f"benchmarks.{module}", work, str(frames)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def compared(ours: str, peer: str, frames: int, *, rounds: int = 3) -> tuple[float, float]:
    """Our rate and the median ratio to the peer's, the two run in turn so that both meet the same noise."""
    pairs = [(measure(ours, frames).rate, measure(peer, frames).rate) for _ in range(rounds)]
    return median(mine for mine, _ in pairs), median(mine / theirs for mine, theirs in pairs)


def compared_twice(ours: str, peer: str, frames: int, *, rounds: int = 3) -> tuple[float, float, float]:
    """As `compared`, and the median ratio of processor time too, ours over theirs: other work on the machine does not
    change it much.
    """
    pairs = [(measure(ours, frames), measure(peer, frames)) for _ in range(rounds)]
    return (
        median(mine.rate for mine, _ in pairs),
        median(mine.rate / theirs.rate for mine, theirs in pairs),
        median(mine.cpu / theirs.cpu for mine, theirs in pairs),
    )


def passes(name: str, test: str, **more: str) -> bool:
    """Whether a test ran at full length and passed; a failing one ends the benchmark with what it said.

    Args:
        more: further variables of its environment.
    """
    left_out = {"DJANGO_SETTINGS_MODULE", "LOUPE_HOME", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
    environment = {key: value for key, value in os.environ.items() if key not in left_out} | {"LOUPE_LONG": "1"} | more
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: the test failed.\n{done.stdout[-3000:]}")
    if " passed" not in done.stdout:
        print(f"  {name}: not run, {done.stdout.strip().splitlines()[-1]}")
        return False
    return True
