"""Makes the clips that the player's tests look at, in the home of a server that runs. Run as a process.

A project "moving" of alice and bob with clips of numbered frames: constant rate, variable rate with B-frames, 720p,
VP9, and those oddities that ingest takes: turned, edit list, transport stream, no times, odd sizes, other codecs.
Prints {name: [clip, task, path of the source]} as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import clips  # noqa: E402
from annotation.models import Clip, Task  # noqa: E402
from annotation.scene.numbered import write_numbered_video  # noqa: E402
from tests import factories  # noqa: E402
from tests.annotation import poison  # noqa: E402

UNEVEN = tuple(i / 20 + (i % 7) * 0.005 + (0.4 if i >= 60 else 0.0) for i in range(150))


def main() -> None:
    alice, bob = (factories.UserFactory(username=name) for name in ("alice", "bob"))
    project = factories.ProjectFactory(name="Moving", slug="moving", by=alice, annotators=[bob])
    made: dict[str, list[object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in videos(Path(folder)).items():
            clip = factories.ClipFactory(project=project, path=path)
            made[name] = [clip.pk, Task.objects.get(clip=clip).pk, str(clips.source(clip))]
    sys.stdout.write(f"{json.dumps(made)}\n")


def videos(folder: Path) -> dict[str, Path]:
    """Video files of numbered pictures, by what is special about them."""
    kinds: dict[str, tuple[str, dict[str, object]]] = {
        "constant": ("mp4", {"frames": 150, "width": 320, "height": 180}),
        "uneven": ("mp4", {"frames": 150, "width": 322, "height": 180, "b_frames": 3, "pts": UNEVEN, "gop": 40}),
        "hd": ("mp4", {"frames": 240, "width": 1280, "height": 720, "b_frames": 2, "gop": 60}),
        "vp9": ("webm", {"frames": 60, "width": 320, "height": 180, "codec": "libvpx-vp9"}),
    }
    made = {}
    for name, (container, options) in kinds.items():
        made[name] = folder / f"{name}.{container}"
        write_numbered_video(made[name], **options)  # type: ignore[arg-type]
    (folder / "odd").mkdir()
    for sample in poison.build(folder / "odd"):
        # One of them has the same bytes as another, and a project takes no file twice.
        if sample.verdict == poison.TAKEN and sample.path.is_file() and "name with" not in sample.path.name:
            made[sample.path.name] = sample.path
    return made


if __name__ == "__main__":
    assert Clip.objects.exists(), "This is to be run in the home of a server that is already set up."
    main()
