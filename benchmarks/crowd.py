"""Makes the largest tasks that the workbench is to bear, in a home of its own; prints the clip's id.

On one clip of 1280x720 three tasks of bob's: one with a thousand objects on its first frame, one with a hundred tracks
on three hundred frames, and one with a single object, beside which the others are measured.
"""

from __future__ import annotations

import math
import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import cv2
import django
import numpy as np
from numpy.typing import NDArray

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import transaction  # noqa: E402

from annotation import masks, tasks, tracks  # noqa: E402
from annotation.geometry import rle  # noqa: E402
from annotation.models import Clip, Task  # noqa: E402
from annotation.models.revision import Revision  # noqa: E402
from annotation.revisions import Origin, lock  # noqa: E402
from benchmarks.workbench import ALONE, CROWD, FRAMES, TRACKS  # noqa: E402
from enrichment import compute, runs  # noqa: E402
from tests import factories  # noqa: E402

WIDTH, HEIGHT = 1280, 720
KEYFRAMES = 10  # frames from one that a person drew to the next; those between were carried


def main() -> None:
    alice, bob = (factories.UserFactory(username=name) for name in ("alice", "bob"))
    project = factories.ProjectFactory(name="Crowd", slug="crowd", by=alice, annotators=[bob])
    clip = factories.ClipFactory(project=project, frames=FRAMES, width=WIDTH, height=HEIGHT, fps=30.0)
    run = runs.request(project=project, by=None, layers=["flow"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    Task.objects.filter(clip=clip).delete()
    _draw(clip, CROWD, 1, bob)
    _draw(clip, TRACKS, FRAMES, bob)
    _draw(clip, ALONE, 1, bob)
    sys.stdout.write(f"{clip.pk}\n")


def _draw(clip: Clip, which: tuple[int, int], frames: int, bob: User) -> None:
    end, count = which
    task = tasks.create(project=clip.project, clip=clip, by=None, start=0, end=end, frames=[0])
    with transaction.atomic():
        task = lock(tasks.claim(task=task, user=bob), by=bob)
        for number, cell in enumerate(_cells(count)):
            id = uuid.uuid4()
            track = tracks.save(task=task, id=id, base_version=0, by=bob, label="target_object").mine.of
            counts = {frame: rle.encode(_blob(cell, number, frame))["counts"] for frame in range(frames)}
            drawn = {frame: counts.pop(frame) for frame in range(0, frames, KEYFRAMES)}
            masks.lay(task=task, track=track, counts=drawn, by=bob, origin=Origin())
            carried = Origin(method=Revision.Method.PROPAGATED, engine="bench 1")
            masks.lay(task=task, track=track, counts=counts, by=bob, origin=carried)


def _cells(count: int) -> Iterator[tuple[float, float, float, float]]:
    """Boxes (x, y, width, height) in px that tile the picture."""
    columns = math.ceil(math.sqrt(count * WIDTH / HEIGHT))
    rows = math.ceil(count / columns)
    w, h = WIDTH / columns, HEIGHT / rows
    for n in range(count):
        yield n % columns * w, n // columns * h, w, h


def _blob(cell: tuple[float, float, float, float], number: int, frame: int) -> NDArray[Any]:
    """A shape with an uneven edge that fills most of its cell and sways in it."""
    x, y, w, h = cell
    turns = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    edge = 0.4 + 0.06 * np.sin(5 * turns + number) + 0.03 * np.sin(11 * turns + frame / 7)
    sway = 0.05 * math.sin(frame / 20 + number)
    points = np.stack([x + w * (0.5 + sway + edge * np.cos(turns)), y + h * (0.5 + edge * np.sin(turns))], axis=1)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    return cv2.fillPoly(mask, [points.round().astype(np.int32)], 1)


if __name__ == "__main__":
    main()
