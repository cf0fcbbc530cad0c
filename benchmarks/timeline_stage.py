"""Makes the clip of one hour that benchmarks/timeline.py looks at, and times the server's share.

Run as a process of its own, so that its settings are those of the server. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import av
import django
import numpy as np

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from annotation import clips, projects, segments, tasks  # noqa: E402
from annotation.media.probe import inspect  # noqa: E402
from annotation.models import Clip, Segment, Task  # noqa: E402
from enrichment import signals  # noqa: E402

SAVES = 30


def main(frames: int, count: int, lanes: int) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    by = User.objects.create(username="bench")
    settings.ALLOWED_HOSTS = ["*"]
    path = settings.HOME / "hour.mp4"
    _write_video(path, frames)
    project = projects.create(name="Bench", slug="bench", by=by)
    clip = clips.add(project=project, path=path, facts=inspect(path, limits=clips.limits()), about={}, by=by)
    task = tasks.claim(task=Task.objects.get(clip=clip), user=by)
    length = frames // count
    for n in range(count):
        start = n * length
        end = start + length - (n % 5)
        segments.save(
            task=task, id=uuid.uuid4(), base_version=0, by=by, start=start, end=end, action=["pick", ""][n % 2]
        )
    _record(clip, lanes)
    api = APIClient()
    api.force_authenticate(by)
    told: dict[str, Any] = {
        "task": task.pk,
        "describe": _timed(lambda _: _ok(api.get(f"/api/clips/{clip.pk}/signals/")), 1),
    }
    names = "".join(f"&lane=robot.joint_{n}" for n in range(8))
    values = f"/api/clips/{clip.pk}/signals/values/?step=128{names}"
    told["values"] = _timed(lambda _: _ok(api.get(values)), SAVES)
    some = list(Segment.objects.filter(task=task).select_related("head")[:SAVES])
    told["save"] = _timed(lambda n: _save(api, task, some[n]), SAVES)
    client = Client()
    client.force_login(by)
    told["cookie"] = [settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value]
    print(json.dumps(told))


def _write_video(path: Path, frames: int) -> None:
    """Small pictures that get slowly lighter: what counts here is how many there are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast", "g": "30"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((72, 64), 16 + n % 200, np.uint8), format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _record(clip: Clip, lanes: int) -> None:
    """Joint angles at 30 Hz."""
    path = settings.HOME / "robot.csv"
    frames = np.arange(clip.frame_count)
    noise = np.random.default_rng(1)
    columns = [np.sin(frames / (20 + 3 * n)) + noise.normal(0, 0.02, len(frames)) for n in range(lanes)]
    header = ",".join(["frame", *(f"joint_{n} [rad]" for n in range(lanes))])
    np.savetxt(path, np.column_stack([frames, *columns]), fmt="%.7g", delimiter=",", header=header, comments="")
    signals.take_in(clip=clip, paths=[path])


def _save(api: APIClient, task: Task, segment: Segment) -> None:
    """Move the end of a segment by a frame, as a browser does."""
    head = segment.head
    if head is None:
        raise RuntimeError(f"Segment {segment.pk} has no revision.")
    body = {"start": head.start, "end": head.end - 1, "level": "primitive", "action": "pick"}
    headers = {"If-Match": f'"{segment.version}"', "Idempotency-Key": str(uuid.uuid4())}
    _ok(api.put(f"/api/tasks/{task.pk}/segments/{segment.pk}/", body, format="json", headers=headers))


def _ok(answer: Any) -> None:
    if answer.status_code not in {200, 201}:
        raise RuntimeError(f"The server answered {answer.status_code}: {answer.content[:300]!r}")


def _timed(work: Callable[[int], None], turns: int) -> float:
    """Median in ms."""
    took = []
    for n in range(turns):
        began = time.perf_counter()
        work(n)
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
