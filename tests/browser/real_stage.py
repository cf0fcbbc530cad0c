"""Takes a real clip into the home of the running server, with some of its truth's outlines as proposed masks.

Run as a process, so that its settings are the server's: path of the clip, of its truth's outlines, and a "frame:name"
for each outline. Prints the clip's id and its task's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import clips, ingest, proposals  # noqa: E402
from annotation.geometry import polygon, rle  # noqa: E402
from annotation.models import Clip, Project, Proposal, Task  # noqa: E402

MASKS = "segmentation/masks.json"


def main(path: Path, outlines: Path, wanted: list[str]) -> None:
    project = Project.objects.get(slug="table-top")
    (outcome,) = ingest.ingest(project=project, paths=[path], about={}, by=None)
    assert outcome.clip is not None, outcome.sentence
    clip = outcome.clip
    there = {f"{each['frame']}:{each['name']}": each for each in json.loads(outlines.read_text())["masks"]}
    _propose(clip, [there[each] for each in wanted])
    sys.stdout.write(f"{clip.pk} {Task.objects.get(clip=clip).pk}\n")


def _propose(clip: Clip, outlines: list[dict[str, Any]]) -> None:
    tracks, items = [], []
    for number, each in enumerate(outlines, 1):
        label, frame = "human_hand" if "hand" in each["name"] else "target_object", each["frame"]
        mask = polygon.rasterize(each["polygons"], clip.height, clip.width)
        frames = {str(frame): {"counts": rle.encode(mask)["counts"], "confidence": 0.9}}
        tracks.append({"track_id": number, "label": label, "confidence": 0.9, "frames": frames})
        items.append({"number": number, "label": label, "confidence": 0.9, "start": frame, "end": frame + 1})
    content = {"engine": "outlines 1", "size": [clip.height, clip.width], "tracks": tracks}
    clips.folder(clip).write(MASKS, json.dumps(content).encode())
    proposals.publish(
        clip=clip, engine="outlines 1", fingerprint="b" * 64, kind=Proposal.Kind.MASK_TRACK, path=MASKS, items=items
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
