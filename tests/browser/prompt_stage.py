"""Makes a 720p clip with things to point at, in the home of a server that runs. Run as a process.

A project "Pointing" of alice and bob; the clip is the demo scene, enlarged. Prints {"clip", "task", "things"} as JSON:
for each frame a list of [x, y, width, height] boxes around what lies on the table, in pixels.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import cv2
import django
import numpy as np

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import scene  # noqa: E402
from annotation.models import Task  # noqa: E402
from annotation.scene.video import PictureWriter  # noqa: E402
from tests import factories  # noqa: E402

WIDTH, HEIGHT, FRAMES = 1280, 720, 16
LABELS = {"container", "target_object", "obstacle_rigid"}


def main() -> None:
    alice, bob = (factories.UserFactory(username=name) for name in ("alice", "bob"))
    project = factories.ProjectFactory(name="Pointing", slug="pointing", by=alice, annotators=[bob])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.mp4"
        things = write(path)
        clip = factories.ClipFactory(project=project, path=path)
    sys.stdout.write(f"{json.dumps({'clip': clip.pk, 'task': Task.objects.get(clip=clip).pk, 'things': things})}\n")


def write(path: Path) -> list[list[list[int]]]:
    """The clip; returns the boxes of each frame."""
    spec = scene.SceneSpec(seed=100, frames=FRAMES, width=640, height=360)
    numbers = [each.instance for each in scene.describe(spec).objects if each.label in LABELS]
    options = {"codec": "libx264", "size": (WIDTH, HEIGHT), "fps": spec.fps, "b_frames": 0, "gop": FRAMES}
    boxes = []
    with PictureWriter(path, options={"crf": "18"}, **options) as file:
        for number, frame in enumerate(scene.render(spec)):
            larger = cv2.resize(frame.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
            file.write(np.asarray(larger, np.uint8), number / spec.fps)
            boxes.append([_box(frame.instances == each) for each in numbers])
    return boxes


def _box(mask: np.ndarray) -> list[int]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return [2 * x - 3, 2 * y - 3, 2 * width + 6, 2 * height + 6]


if __name__ == "__main__":
    main()
