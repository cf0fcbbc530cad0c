"""Makes what the browser tests work on, in a home of its own. Run as a process, so that its settings are the server's.

A project "table-top" with alice (manager), dana (QA lead) and bob (annotator), a clip of numbered frames, two mask
proposals, one action proposal and one flag on it. Prints the clip's id.
"""

from __future__ import annotations

import json
import os
import sys

import django
import numpy as np

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from annotation import clips, proposals  # noqa: E402
from annotation.geometry import rle  # noqa: E402
from annotation.models import Clip, Proposal  # noqa: E402
from review import flags  # noqa: E402
from tests import factories  # noqa: E402

FRAMES, WIDTH, HEIGHT = int((*sys.argv, "48")[1]), 320, 180
MASKS = "segmentation/masks.json"


def main() -> None:
    alice, dana, bob = (factories.UserFactory(username=name) for name in ("alice", "dana", "bob"))
    project = factories.ProjectFactory(name="Table top", slug="table-top", by=alice, qa_leads=[dana], annotators=[bob])
    clip = factories.ClipFactory(project=project, frames=FRAMES, width=WIDTH, height=HEIGHT)
    _propose(clip)
    box = {"frame": 20, "box": [100, 50, 60, 40]}
    finding = {"start": 18, "end": 24, "severity": 2, "reason": "Mask moved 2 px, flow says 31 px."}
    flags.record(clip=clip, task=None, check="flow", findings=[finding | {"evidence": {"boxes": [box]}}])
    sys.stdout.write(f"{clip.pk}\n")


def _propose(clip: Clip) -> None:
    boxes = {1: ("target_object", 0.9, 40), 2: ("container", 0.5, 200)}
    tracks = []
    for number, (label, confidence, left) in boxes.items():
        mask = np.zeros((clip.height, clip.width), np.uint8)
        mask[60:100, left : left + 50] = 1
        frame = {"counts": rle.encode(mask)["counts"], "confidence": confidence}
        frames = {str(n): frame for n in range(clip.frame_count)}
        tracks.append({"track_id": number, "label": label, "confidence": confidence, "frames": frames})
    content = {"engine": "blocks 1", "size": [clip.height, clip.width], "tracks": tracks}
    clips.folder(clip).write(MASKS, json.dumps(content).encode())
    every = {"start": 0, "end": clip.frame_count}
    items = [{"number": n, "label": label, "confidence": sure} | every for n, (label, sure, _) in boxes.items()]
    common = {"clip": clip, "engine": "blocks 1", "fingerprint": "a" * 64}
    proposals.publish(**common, kind=Proposal.Kind.MASK_TRACK, path=MASKS, items=items)
    details = {"level": "primitive", "phase": "grasp", "descriptions": ["Take it", "Grasp it", "Hold it"]}
    details["described_by"] = "gemini, gemini-2.5-flash, segment-1"
    action = {"number": 0, "label": "pick", "confidence": 0.8, "start": 4, "end": 16, "details": details}
    proposals.publish(**common, kind=Proposal.Kind.SEGMENT, items=[action])


if __name__ == "__main__":
    main()
