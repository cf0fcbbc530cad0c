"""The clip folder: exact frames, people's work in the place of proposals, nothing missing without a word."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from annotation import clips
from annotation.geometry import rle
from annotation.models import Clip, Mask, MaskRevision, Project, Task
from delivery.verify import verify
from tests.annotation.drawing import disc
from tests.delivery.conftest import Deliver, annotate, finish
from tests.factories import ClipFactory, tiny_video


def decoded(path: Path, *options: str) -> bytes:
    """Every frame as ffmpeg decodes it."""
    command = ["ffmpeg", "-v", "error", *options, "-i", path, "-fps_mode", "passthrough"]
    return subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True
    ).stdout


def folder_of(deliver: Deliver, clip: Clip) -> Path:
    return deliver("clip_folder", filters={"review_status": "any"}).folder / clip.folder_name


def read(path: Path) -> Any:
    return json.loads(path.read_text())


needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@needs_ffmpeg
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi"])
def test_its_frames_are_the_sources_frames_pixel_for_pixel(
    container: str, project: Project, deliver: Deliver, tmp_path: Path
) -> None:
    path = tmp_path / f"source.{container}"
    codec = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"] if container == "avi" else ["-c", "copy"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", tiny_video(), *codec, path], check=True)
    clip = ClipFactory(project=project, path=path)
    video = folder_of(deliver, clip) / "video.mp4"
    assert decoded(video) == decoded(path)


@needs_ffmpeg
def test_a_folder_of_pictures_comes_back_as_a_video_of_the_same_pixels(
    project: Project, deliver: Deliver, tmp_path: Path
) -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (5, 48, 64, 3), np.uint8)
    (tmp_path / "shots").mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"shots/{number}.png"), picture[..., ::-1])
    clip = ClipFactory(project=project, path=tmp_path / "shots")
    video = folder_of(deliver, clip) / "video.mp4"
    assert decoded(video) == pictures.tobytes()


@needs_ffmpeg
def test_a_real_clip_is_delivered_frame_for_frame(project: Project, deliver: Deliver, samples: Path) -> None:
    clip = ClipFactory(project=project, path=samples / "blocks.mp4")
    folder = folder_of(deliver, clip)
    first = ("-t", "3")
    assert decoded(folder / "video.mp4", *first) == decoded(samples / "blocks.mp4", *first)


def test_people_stand_in_the_place_of_the_engine(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    held = clips.folder(clip)
    proposed = held.write("segmentation/masks.json", b"{}")
    held.commit("segmentation", engine="e", version="1", parameters={}, fingerprint="f", files=[proposed])
    folder = folder_of(deliver, clip)
    masks = read(folder / "segmentation/masks.json")
    assert (masks["engine"], masks["size"]) == ("people", [clip.height, clip.width])
    first, second = masks["tracks"]
    assert (first["track_id"], first["label"], list(first["frames"])) == (1, "target_object", ["0", "5", "12"])
    assert (second["track_id"], second["label"], list(second["frames"])) == (2, "gripper", ["12"])
    shown = rle.decode({"size": masks["size"], "counts": first["frames"]["5"]["counts"]})
    np.testing.assert_array_equal(shown, disc(clip, x=30, radius=10))
    assert read(folder / "manifest.json")["layers"]["segmentation"]["engine"] == "people"


def test_tracking_lists_the_same_masks_frame_by_frame(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    frames = read(folder_of(deliver, clip) / "segmentation/tracking.json")["frames"]
    listed = {frame: [each["track_id"] for each in objects] for frame, objects in frames.items()}
    assert listed == {"0": [1], "5": [1], "12": [1, 2]}
    assert frames["0"][0]["bbox"] == [10, 22, 21, 21]


def test_actions_are_peoples_segments_in_frames_and_seconds(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    (segment,) = read(folder_of(deliver, clip) / "actions/segments.json")["segments"]
    assert (segment["start"], segment["end"], segment["action"]) == (2, 20, "pick")
    assert segment["end_time"] == pytest.approx(20 / 12)
    assert len(segment["descriptions"]) == 3


def test_absent_layers_are_named_with_the_reason(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    layers = read(folder_of(deliver, clip) / "manifest.json")["layers"]
    assert layers["depth"]["engine"] == "no engine"
    assert layers["depth"]["parameters"]["reason"]
    assert layers["flow"]["parameters"]["reason"] == "not run on this clip"


def test_the_machines_layers_are_copied_with_their_engine(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    held = clips.folder(clip)
    entry = {"engine": "dis", "engine_version": "4.12", "version": "3", "parameters": {"scale": 1}, "fingerprint": "f"}
    held.commit("flow", files=[held.write(f"flow/flow_{n:03d}.npy", bytes([n] * 100)) for n in range(3)], **entry)
    folder = folder_of(deliver, clip)
    assert (folder / "flow/flow_002.npy").read_bytes() == bytes([2] * 100)
    assert (folder / "frames.npz").is_file()
    assert not (folder / "source").exists()
    told = read(folder / "manifest.json")
    assert told["layers"]["flow"].items() >= entry.items()
    assert told["files"]["flow/flow_002.npy"]["layer"] == "flow"


def test_it_says_where_the_clip_comes_from(project: Project, drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    clip.scene, clip.licence = "kitchen", "CC BY 4.0"
    clip.save()
    told = read(folder_of(deliver, clip) / "provenance.json")
    assert (told["clip"]["scene"], told["clip"]["licence"], told["clip"]["sha256"]) == (
        "kitchen", "CC BY 4.0", clip.sha256,
    )  # fmt: skip
    assert (told["guideline"], told["taxonomy"]["number"], told["tasks"][0]["status"]) == (1, 1, "accepted")


def test_the_check_finds_lists_that_disagree(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    folder = folder_of(deliver, clip)
    path = folder / "segmentation/tracking.json"
    path.write_text(path.read_text().replace('"label":"gripper"', '"label":"robot_arm"'))
    assert any("same masks" in problem.sentence for problem in verify(folder.parent))


def test_the_check_finds_a_mask_on_a_frame_that_nobody_annotated(
    drawn: list[Mask], deliver: Deliver, clip: Clip
) -> None:
    folder = folder_of(deliver, clip)
    path = folder / "segmentation/masks.json"
    path.write_text(path.read_text().replace('"5":{', '"6":{'))
    assert any("frame 6, which is not an annotated frame" in problem.sentence for problem in verify(folder.parent))


def test_a_clip_without_work_is_delivered_with_what_machines_made(deliver: Deliver, clip: Clip) -> None:
    assert read(folder_of(deliver, clip) / "segmentation/masks.json")["tracks"] == []


def test_clips_lie_side_by_side(project: Project, drawn: list[Mask], bob: Any, dana: Any, deliver: Deliver) -> None:
    other = ClipFactory(project=project)
    task = Task.objects.get(clip=other)
    annotate(task, bob)
    finish(task, by=bob, reviewer=dana)
    made = deliver("clip_folder")
    assert made.counts["clips"] == 2
    assert (made.folder / other.folder_name / "video.mp4").is_file()


def test_how_far_a_mask_is_from_its_proposal_is_told_with_it(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    MaskRevision.objects.filter(of=drawn[0]).update(edit_iou=0.75, edit_boundary=2.5)
    first, *_ = read(folder_of(deliver, clip) / "segmentation" / "masks.json")["tracks"]
    told = {frame: (mask["edit_iou"], mask["edit_boundary"]) for frame, mask in first["frames"].items()}
    assert told == {"0": (0.75, 2.5), "5": (None, None), "12": (None, None)}
