"""The series under a clip's time axis, through the API."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from annotation import clips
from annotation.models import Clip, Project
from enrichment import compute, runs
from enrichment.engines.loudness import SILENCE
from enrichment.engines.motion_features import MotionSeries
from enrichment.layers.actions import MOTION_FILE
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def moved(clip: Clip) -> Clip:
    """A clip in which the hand moves from frame 8 to 16, towards a thing that stands still."""
    count = clip.frame_count
    velocity, tip = np.zeros((count, 2), np.float32), np.full((count, 2), np.nan, np.float32)
    velocity[8:16, 0] = 6.0
    tip[8:16] = np.stack([10 + 6 * np.arange(8), np.full(8, 20.0)], axis=1)
    centres = np.full((1, count, 2), (60.0, 20.0), np.float32)
    energy = np.linspace(0, 1, count, dtype=np.float32)
    ways = np.zeros((count, 4), np.float32)
    motion = MotionSeries(0, energy, velocity, tip, np.array([7]), centres, (clip.height, clip.width), ways)
    file = io.BytesIO()
    np.savez(file, **motion.arrays())
    clips.folder(clip).write(MOTION_FILE, file.getvalue())
    return clip


def write_robot(path: Path, clip: Clip) -> Path:
    opening = [0.08 if frame < 12 else 0.02 for frame in range(clip.frame_count)]
    rows = "".join(f"{frame},{value},{frame * 2}\n" for frame, value in enumerate(opening))
    path.write_text("frame,gripper opening [m],joint_1 [rad]\n" + rows)
    return path


def test_the_motion_of_a_clip_is_told_as_lanes_and_moments(api: APIClient, moved: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    told = api.get(f"/api/clips/{moved.pk}/signals/").json()
    assert {lane["name"]: lane["unit"] for lane in told["lanes"]} == {
        "motion.energy": "px/s",
        "motion.speed": "px/s",
        "motion.distance": "px",
    }
    assert told["problems"] == []
    moments = {moment["kind"]: moment["frame"] for moment in told["moments"]}
    assert abs(moments["start"] - 8) <= 1
    assert abs(moments["stop"] - 16) <= 1
    values = api.get(f"/api/clips/{moved.pk}/signals/values/?start=0&end=16&step=8&lane=motion.distance").json()
    assert values == {
        "start": 0,
        "end": 16,
        "step": 8,
        "lanes": {"motion.distance": {"low": [None, 8.0], "high": [None, 50.0]}},
    }


def test_a_clip_without_any_series_has_none(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    assert api.get(f"/api/clips/{clip.pk}/signals/").json() == {"lanes": [], "moments": [], "problems": []}
    assert api.get(f"/api/clips/{clip.pk}/signals/values/").json()["lanes"] == {}


def test_recorded_series_are_taken_in_and_listed(api: APIClient, clip: Clip, bob: User, tmp_path: Path) -> None:
    api.force_authenticate(bob)
    assert api.get(f"/api/clips/{clip.pk}/signals/").json()["lanes"] == []
    call_command("add_signals", str(clip.pk), str(write_robot(tmp_path / "robot.csv", clip)), stdout=io.StringIO())
    told = api.get(f"/api/clips/{clip.pk}/signals/").json()
    assert [(lane["name"], lane["unit"], lane["origin"]) for lane in told["lanes"]] == [
        ("robot.gripper opening", "m", "robot.csv"),
        ("robot.joint_1", "rad", "robot.csv"),
    ]
    # The gripper closes between frames 11 and 12; a joint's way is no event.
    assert [(moment["kind"], moment["frame"]) for moment in told["moments"]] in ([("change", 11)], [("change", 12)])
    assert clips.folder(clip).verify() == []


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_shown(
    api: APIClient, moved: Clip, bob: User, tmp_path: Path
) -> None:
    api.force_authenticate(bob)
    clips.folder(moved).write("signals/odd.csv", b"a,b\n1,2\n")
    told = api.get(f"/api/clips/{moved.pk}/signals/").json()
    assert len(told["lanes"]) == 3
    assert "odd.csv has no column called frame or time" in told["problems"][0]
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="no column called frame or time"):
        call_command("add_signals", str(moved.pk), str(tmp_path / "odd.csv"))


@pytest.mark.parametrize(
    ("query", "sentence"), [("start=9&end=9", "is empty"), ("start=500", "is empty"), ("step=0", "greater than")]
)
def test_a_wrong_stretch_is_refused(api: APIClient, clip: Clip, bob: User, query: str, sentence: str) -> None:
    api.force_authenticate(bob)
    answer = api.get(f"/api/clips/{clip.pk}/signals/values/?{query}")
    assert answer.status_code == 400
    assert sentence in str(answer.json())


def test_somebody_elses_clip_has_no_series(api: APIClient, clip: Clip, mallory: User) -> None:
    api.force_authenticate(mallory)
    assert api.get(f"/api/clips/{clip.pk}/signals/").status_code == 404


def sounding(path: Path) -> Path:
    """Two seconds at 10 frames a second, silent in the first and loud in the second."""
    rate, level = 16000, 0.5
    tone = np.concatenate([np.zeros(rate), level * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)])
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=rate, layout="mono")
        for number in range(20):
            picture = np.full((48, 64, 3), 10 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def test_the_sound_of_a_clip_is_a_lane(api: APIClient, project: Project, alice: User, tmp_path: Path) -> None:
    clip = ClipFactory(project=project, by=alice, path=sounding(tmp_path / "sound.mp4"))
    run = runs.request(project=project, by=alice, clips=[clip], layers=["audio"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    api.force_authenticate(alice)
    (lane,) = api.get(f"/api/clips/{clip.pk}/signals/").json()["lanes"]
    assert (lane["name"], lane["unit"]) == ("audio.loudness", "dBFS")
    level = api.get(f"/api/clips/{clip.pk}/signals/values/?lane=audio.loudness").json()["lanes"]["audio.loudness"]
    assert max(level["high"][:9]) < SILENCE + 20
    # A sine of half the full scale has a mean square of an eighth: 9.03 dB below.
    np.testing.assert_allclose(level["low"][11:19], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.5)
