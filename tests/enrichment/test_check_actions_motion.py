"""The check of proposed actions sees the things that proposed masks follow, and the gripper that was recorded."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from annotation.models import Clip
from enrichment import kept, recordings, registry, runs
from enrichment.checkpoints import Pieces
from enrichment.engines.motion_features import MotionSeries
from enrichment.layer import ClipFacts, Context, Span
from enrichment.layers.actions import ActionsReader
from enrichment.layers.check_actions_motion import CheckActionsMotion, Parameters
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import MASKS_FILE
from enrichment.models import LayerRun

FRAMES, HEIGHT, WIDTH = 100, 96, 320
# The hand comes, rests, and takes a block along.
STEPS = [(30, 4.0), (15, 0.0), (30, 4.0), (25, 0.0)]
TAKEN = [(45, 0.0), (30, 4.0), (25, 0.0)]


def pace(steps: list[tuple[int, float]]) -> list[float]:
    return [speed for count, speed in steps for _ in range(count)]


class Block(FlowReader):
    """The flow of a block of 40x40 pixels that is carried to the right."""

    def __init__(self) -> None:
        self.left = 100 + np.concatenate([[0], np.cumsum(pace(TAKEN))[:-1]])

    def __len__(self) -> int:
        return FRAMES - 1

    def mask(self, frame: int) -> np.ndarray:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[30:70, round(self.left[frame]) : round(self.left[frame]) + 40] = 1
        return mask

    def read(self, frame: int) -> np.ndarray:
        flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
        flow[..., 0] = self.mask(frame) * pace(TAKEN)[frame]
        return flow


def findings(
    folder: ClipFolder,
    phase: str,
    start: int,
    end: int,
    *,
    sure: float = 0.9,
    hand: str = "gripper",
    hand_in: int = 1,
    strength: float = 1.0,
) -> list[tuple[str, int]]:
    """What the layer says of one proposed phase, and how grave it is; the hand has masks in its first frames."""
    block = Block()
    frames = {str(n): {"counts": rle.encode(block.mask(n))["counts"]} for n in range(0, FRAMES, 5)}
    track = {"track_id": 4, "label": "target_object", "confidence": sure, "frames": frames}
    corner = np.zeros((HEIGHT, WIDTH), np.uint8)
    corner[:9, :9] = 1
    shown = {str(n): {"counts": rle.encode(corner)["counts"]} for n in range(hand_in)}
    fingers = track | {"track_id": 5, "label": hand, "frames": shown}
    folder.write(MASKS_FILE, json.dumps({"size": [HEIGHT, WIDTH], "tracks": [track, fingers]}).encode())
    velocity = strength * np.stack([pace(STEPS), np.zeros(FRAMES)], axis=1).astype(np.float32)
    tip, none = np.full((FRAMES, 2), 50, np.float32), np.zeros((0, FRAMES, 2), np.float32)
    ways, ones = np.zeros((FRAMES, 4), np.float32), np.ones(FRAMES, np.float32)
    motion = MotionSeries(0, ones, velocity, tip, np.zeros(0, np.int64), none, (HEIGHT, WIDTH), ways)
    segment = {"id": 0, "start": start, "end": end, "action": "pick_and_place", "phase": phase}
    upstream = {
        "actions": ActionsReader(motion, [segment]),
        "flow": block,
        "segmentation": MaskTracks(folder.local(MASKS_FILE)),
    }
    seconds = tuple(n / 30 for n in range(FRAMES))
    facts = ClipFacts(
        1, "a", "a", "", 1, "mp4", "h264", WIDTH, HEIGHT, 0, FRAMES, FRAMES / 30, 30, False, False, seconds
    )
    pieces = Pieces(ClipFolder(folder.path("pieces"), None, listed=False), "check")
    context = Context(facts, None, folder, pieces, Parameters(), upstream)  # type: ignore[arg-type]
    layer = registry.get("check_actions_motion")
    assert isinstance(layer, CheckActionsMotion)
    layer.compute(context, Span(0, 0, FRAMES))
    found = layer.publish(context).findings or []
    return [(each["evidence"]["kind"], each["severity"]) for each in found]  # type: ignore[index,misc]


@pytest.fixture
def folder(tmp_path: Path) -> ClipFolder:
    return ClipFolder(tmp_path / "clip")


def test_a_grasp_that_is_proposed_when_the_thing_is_under_way_is_flagged(folder: ClipFolder) -> None:
    assert findings(folder, "grasp", 30, 45) == []
    assert findings(folder, "grasp", 55, 65) == [("already_moving", 2)]
    assert findings(folder, "release", 50, 60) == [("still_moving", 2)]


def test_a_thing_that_is_doubtful_itself_puts_no_grasp_in_doubt(folder: ClipFolder) -> None:
    assert findings(folder, "grasp", 55, 65, sure=0.5) == []


def test_where_no_mask_is_a_hands_the_hand_is_not_taken_for_what_it_carries(folder: ClipFolder) -> None:
    assert findings(folder, "grasp", 55, 65, hand="") == [("no_rest", 2)]


def test_what_a_swaying_camera_leaves_behind_contradicts_nothing_unless_it_is_known_to_be_a_hands(
    folder: ClipFolder,
) -> None:
    assert findings(folder, "grasp", 5, 17, strength=0.2, hand="") == []
    assert findings(folder, "lift", 32, 42, strength=0.2, hand="") == []
    assert findings(folder, "grasp", 5, 17, strength=0.2, hand_in=FRAMES) == [("no_rest", 2)]


def test_a_gripper_that_was_recorded_to_close_elsewhere_contradicts_a_proposed_grasp(folder: ClipFolder) -> None:
    for at, kinds in ((33, []), (15, [("not_closing", 2)])):
        rows = "".join(f"{n},{0.08 if n < at else 0.02}\n" for n in range(FRAMES))
        folder.write("signals/robot.csv", f"frame,gripper_width [m]\n{rows}".encode())
        assert findings(folder, "grasp", 30, 45) == kinds


def test_of_two_grippers_and_of_a_damaged_file_nothing_is_read(folder: ClipFolder) -> None:
    rows = "".join(f"{n},{0.08 if n < 15 else 0.02},{n}\n" for n in range(FRAMES))
    folder.write("signals/robot.csv", f"frame,left gripper opening,right gripper opening\n{rows}".encode())
    folder.write("signals/broken.csv", b"\x00\x01")
    assert findings(folder, "grasp", 30, 45) == []


@pytest.mark.parametrize(
    ("name", "unit", "told"),
    [
        ("gripper opening", "m", True),
        ("Finger_Width", "mm", True),
        ("main_gripper.pos", "% open", True),
        ("jaw aperture", "", True),
        ("gripper position", "", False),
        ("gripper.pos", "", False),
        ("action.gripper opening", "", False),
        ("gripper opening velocity", "m/s", False),
        ("door opening", "m", False),
        ("left_gripper_force", "N", False),
    ],
)
def test_only_what_says_that_it_is_a_grippers_opening_is_taken_for_one(name: str, unit: str, told: bool) -> None:
    assert recordings.tells_opening(name, unit) is told


@pytest.mark.django_db
def test_series_that_come_later_have_the_check_computed_again(clip: Clip, alice: User, tmp_path: Path) -> None:
    runs.plan(runs.request(project=clip.project, by=alice, layers=["check_actions_motion"], tell=False))
    before = LayerRun.objects.current().get(clip=clip, layer="check_actions_motion")
    file = tmp_path / "robot.csv"
    file.write_text("frame,gripper opening [m]\n" + "".join(f"{n},0.08\n" for n in range(clip.frame_count)))
    call_command("add_signals", str(clip.pk), str(file), stdout=io.StringIO())
    asked = clip.project.runs.first()
    assert asked is not None
    runs.plan(asked)
    after = LayerRun.objects.current().get(clip=clip, layer="check_actions_motion")
    assert after.fingerprint != before.fingerprint
    assert after.parameters["recording"] == kept.Lying(clip).of(recordings.RECORDED)
