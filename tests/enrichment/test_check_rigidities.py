"""What a project's taxonomy says of how firm things are holds for proposed masks as it does for people's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from annotation.models import Clip, Label
from enrichment import registry, runs
from enrichment.checkpoints import Pieces
from enrichment.layer import ClipFacts, Context, Span
from enrichment.layers.depth import DepthReader
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import MASKS_FILE
from enrichment.models import LayerRun

FRAMES, SIDE = 7, 96
UPPER = np.arange(SIDE)[:, None] < 43


def square(left: int) -> NDArray[np.uint8]:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[30:54, left : left + 24] = 1
    return mask


def parting(frame: int) -> NDArray[np.uint8]:
    """A square whose upper half goes left while its lower half goes right."""
    return np.where(UPPER, square(36 - 2 * frame), square(36 + 2 * frame)).astype(np.uint8)


class Flow(FlowReader):
    """How it parts."""

    def __init__(self) -> None:
        pass

    def __len__(self) -> int:
        return FRAMES - 1

    def read(self, frame: int) -> NDArray[np.float32]:
        way = np.where(UPPER, -2.0, 2.0) * parting(frame)
        return np.stack([way, np.zeros_like(way)], axis=2).astype(np.float32)


class Depth(DepthReader):
    """The upper half is near and the lower one far."""

    def __init__(self) -> None:
        self.metric = True

    def read(self, frame: int) -> NDArray[np.float32]:
        return np.where(UPPER, 1.0, 1.8).repeat(SIDE, axis=1).astype(np.float32)


def kinds(folder: ClipFolder, name: str, rigidities: dict[str, str]) -> list[str]:
    """What a check says of the square as "cloth"."""
    frames = {str(n): {"counts": rle.encode(parting(n))["counts"]} for n in range(FRAMES)}
    track = {"track_id": 1, "label": "cloth", "confidence": 0.9, "frames": frames}
    folder.write(MASKS_FILE, json.dumps({"size": [SIDE, SIDE], "tracks": [track]}).encode())
    upstream = {"flow": Flow(), "depth": Depth(), "segmentation": MaskTracks(folder.local(MASKS_FILE))}
    seconds = tuple(n / 30 for n in range(FRAMES))
    facts = ClipFacts(1, "a", "a", "", 1, "mp4", "h264", SIDE, SIDE, 0, FRAMES, FRAMES / 30, 30, False, False, seconds)
    pieces = Pieces(ClipFolder(folder.path("pieces"), None, listed=False), "check")
    layer = registry.get(name)
    parameters = layer.Parameters(rigidities=rigidities)
    context = Context(facts, Pictures(), folder, pieces, parameters, upstream)  # type: ignore[arg-type]
    layer.compute(context, Span(0, 0, FRAMES))
    found: Any = layer.publish(context).findings
    return [each["evidence"]["kind"] for each in found]


class Pictures:
    """A speckled square that parts on an even ground."""

    def __init__(self) -> None:
        coarse = np.random.default_rng(0).integers(0, 255, (SIDE // 4, SIDE // 4), np.uint8)
        self._speckles = coarse.repeat(4, axis=0).repeat(4, axis=1)

    def read(self, frame: int) -> NDArray[np.uint8]:
        ways = (np.roll(self._speckles, -2 * frame, axis=1), np.roll(self._speckles, 2 * frame, axis=1))
        return np.where(parting(frame) > 0, np.where(UPPER, *ways), np.uint8(128))


@pytest.mark.parametrize(
    ("name", "rigidity", "kind"),
    [("check_flow_segmentation", "deformable", "rigidity"), ("check_depth_segmentation", "transparent", "two_depths")],
)
def test_a_proposal_is_as_firm_as_the_taxonomy_says(tmp_path: Path, name: str, rigidity: str, kind: str) -> None:
    folder = ClipFolder(tmp_path / "clip")
    assert kinds(folder, name, {"cloth": "rigid"}) == [kind]
    assert kinds(folder, name, {"cloth": rigidity}) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["check_flow_segmentation", "check_depth_segmentation"])
def test_a_label_that_turns_out_to_bend_has_the_check_computed_again(clip: Clip, alice: User, name: str) -> None:
    label = clip.project.labels.create(key="cloth")
    marks = []
    for rigidity in (Label.Rigidity.RIGID, Label.Rigidity.DEFORMABLE):
        clip.project.labels.filter(pk=label.pk).update(rigidity=rigidity)
        runs.plan(runs.request(project=clip.project, by=alice, layers=[name], tell=False))
        row = LayerRun.objects.current().get(clip=clip, layer=name)
        assert row.parameters["rigidities"]["cloth"] == rigidity
        marks.append(row.fingerprint)
    assert marks[0] != marks[1]
