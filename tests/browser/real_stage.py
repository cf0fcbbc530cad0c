"""Takes a real clip into the home of the running server, with the outlines of one of its frames as proposed masks.

Run as a process, so that its settings are the server's: path of the clip, of its truth's outlines, the frame, and the
names of the outlines. Prints the clip's id and its task's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import clips, ingest, proposals  # noqa: E402
from annotation.geometry import polygon, rle  # noqa: E402
from annotation.models import Clip, Project, Proposal, Task  # noqa: E402

MASKS = "segmentation/masks.json"


def main(path: Path, outlines: Path, frame: int, names: list[str]) -> None:
    project = Project.objects.get(slug="table-top")
    (outcome,) = ingest.ingest(project=project, paths=[path], about={}, by=None)
    assert outcome.clip is not None, outcome.sentence
    clip = outcome.clip
    there = {each["name"]: each for each in json.loads(outlines.read_text())["masks"] if each["frame"] == frame}
    _propose(clip, [there[name] for name in names], frame)
    sys.stdout.write(f"{clip.pk} {Task.objects.get(clip=clip).pk}\n")


def _propose(clip: Clip, outlines: list[dict[str, object]], frame: int) -> None:
    tracks, items = [], []
    for number, each in enumerate(outlines, 1):
        label = "human_hand" if "hand" in str(each["name"]) else "target_object"
        mask = polygon.rasterize(each["polygons"], clip.height, clip.width)  # type: ignore[arg-type]
        frames = {str(frame): {"counts": rle.encode(mask)["counts"], "confidence": 0.9}}
        tracks.append({"track_id": number, "label": label, "confidence": 0.9, "frames": frames})
        items.append({"number": number, "label": label, "confidence": 0.9, "start": frame, "end": frame + 1})
    content = {"engine": "outlines 1", "size": [clip.height, clip.width], "tracks": tracks}
    clips.folder(clip).write(MASKS, json.dumps(content).encode())
    proposals.publish(
        clip=clip, engine="outlines 1", fingerprint="b" * 64, kind=Proposal.Kind.MASK_TRACK, path=MASKS, items=items
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
