"""Makes a clip with a pose in which a wrist jumps and is lost, and works as a worker would. Run as a process.

`make`: the project "table-top" with alice (manager), dana (QA lead) and bob (annotator), and a rendered clip; prints
its id. `work`: plans and computes what was asked for.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import scene  # noqa: E402
from enrichment.models import Run  # noqa: E402
from tests import acted, factories  # noqa: E402

FRAMES, WIDTH, HEIGHT = 24, 320, 180


def make() -> None:
    alice, dana, bob = (factories.UserFactory(username=name) for name in ("alice", "dana", "bob"))
    project = factories.ProjectFactory(name="Table top", slug="table-top", by=alice, qa_leads=[dana], annotators=[bob])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.mp4"
        scene.write_video(scene.SceneSpec(seed=7, frames=FRAMES, width=WIDTH, height=HEIGHT), path)
        clip = factories.ClipFactory(project=project, path=path)
    Run.objects.all().delete()
    with acted.acting():
        acted.computed(clip)
    sys.stdout.write(f"{clip.pk}\n")


def work() -> None:
    with acted.acting():
        acted.work()


if __name__ == "__main__":
    {"make": make, "work": work}[sys.argv[1]]()
