"""Makes a clip whose flow was computed twice, by two presets, and works as a worker would. Run as a process.

`make`: the project "table-top" with alice (manager) and dana (QA lead), and a rendered clip; prints its id.
`work`: plans and computes what was asked for, and compares what is not compared.
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
from annotation.models import Project  # noqa: E402
from enrichment import comparing, compute, runs  # noqa: E402
from enrichment.models import Run  # noqa: E402
from tests import factories  # noqa: E402

FRAMES, WIDTH, HEIGHT = 24, 320, 180
LAYERS = ["flow", "segmentation", "keyframes"]


def make() -> None:
    alice, dana = (factories.UserFactory(username=name) for name in ("alice", "dana"))
    project = factories.ProjectFactory(name="Table top", slug="table-top", by=alice, qa_leads=[dana])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.mp4"
        scene.write_video(scene.SceneSpec(seed=7, frames=FRAMES, width=WIDTH, height=HEIGHT), path)
        clip = factories.ClipFactory(project=project, path=path)
    Run.objects.all().delete()
    for preset in ("medium", "ultrafast"):
        runs.configure(project=project, layer="flow", parameters={"preset": preset}, by=alice)
        runs.request(project=project, by=alice, layers=LAYERS, tell=False)
        work()
    sys.stdout.write(f"{clip.pk}\n")


def work() -> None:
    for run in Run.objects.filter(settled_at=None):
        runs.plan(run)
        compute.work_here(run)
    for pair in comparing.missing(Project.objects.get(slug="table-top")):
        comparing.run(*pair)


if __name__ == "__main__":
    {"make": make, "work": work}[sys.argv[1]]()
