"""Two workers against one on the same clips: what a second process brings where each keeps to one core.

Left free, one worker of one thread takes a tenth of the second core, too, to bring files to the disk.

`python -m benchmarks.workers` is one of the processes: it works on a run that is planned, once it is told to begin.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.row import row

ROOT = Path(__file__).resolve().parent.parent
CLIPS, FRAMES = 8, 150
LAYERS = ("keyframes", "metadata", "flow")
ROUNDS = 3


def rows() -> list[dict[str, Any]]:
    """Clips per second, and what the same clips cost in processor time."""
    pairs = [(_measure(1), _measure(2)) for _ in range(ROUNDS)]
    faster = median(one["seconds"] / two["seconds"] for one, two in pairs)
    dearer = median(two["cpu"] / one["cpu"] for one, two in pairs)
    rate = median(CLIPS / two["seconds"] for _, two in pairs)
    cores = f"; the machine has {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    return [
        row("two workers, one core each", rate, "clips/s", against=f"one worker, wanted 1.8{cores}", ratio=faster),
        row("two workers: processor time of the same clips", dearer, "times", against="one worker's", ratio=dearer),
    ]


def _measure(count: int) -> dict[str, float]:
    """Wall time until all clips are done, and the workers' processor time for it, both in seconds."""
    with tempfile.TemporaryDirectory(prefix="loupe-bench-") as home:
        unset = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_BUCKET"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"LOUPE_HOME": home, "DJANGO_SETTINGS_MODULE": "config.settings", "LOUPE_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.workers"]
        run = subprocess.run([*command, "plan"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        words = [*command, "work", run.stdout.decode().split()[-1]]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        workers = [subprocess.Popen(words, cwd=ROOT, env=environment, **pipes) for _ in range(count)]  # type: ignore[call-overload]
        for each, core in zip(workers, sorted(os.sched_getaffinity(0)), strict=False):
            os.sched_setaffinity(each.pid, {core})
        for each in workers:
            if each.stdout.readline() != "ready\n":
                raise RuntimeError("A worker did not come up; what it said stands above.")
        began = time.perf_counter()
        for each in workers:
            each.stdin.write("go\n")
            each.stdin.flush()
        told = [json.loads(each.stdout.readline()) for each in workers]
        seconds = time.perf_counter() - began
        for each in workers:
            each.communicate()
    return {"seconds": seconds, "cpu": sum(each["cpu"] for each in told)}


def _plan() -> None:
    from benchmarks import works as bench  # noqa: PLC0415 - sets Django up, which the parent must not

    by = bench.person()
    project = bench.projects.create(name="Bench", slug="bench", by=by)
    for number in range(CLIPS):
        # Of other lengths, so that no two are the same file.
        path = bench.video(FRAMES + number, 640, 480, name=f"bench{number}.mp4")
        facts = bench.inspect(path, limits=bench.clips.limits())
        bench.clips.add(project=project, path=path, facts=facts, about={}, by=by)
    run = bench.runs.request(project=project, by=None, layers=LAYERS, tell=False)
    bench.runs.plan(run)
    print(run.pk)


def _work(run: int) -> None:
    from benchmarks import works as bench  # noqa: PLC0415 - sets Django up

    bench.threads.bound(bench.settings.WORKER_THREADS)
    asked = bench.Run.objects.get(pk=run)
    print("ready", flush=True)
    sys.stdin.readline()
    began = os.times()
    bench.compute.work_here(asked)
    ended = os.times()
    print(json.dumps({"cpu": sum(ended[:4]) - sum(began[:4])}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "plan":
        _plan()
    else:
        _work(int(sys.argv[2]))
