from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import Settings

from annotation import about, clip_leftovers, clips, ingest
from annotation.errors import Duplicate, Refused
from annotation.events import clip_ready
from annotation.media.probe import inspect
from annotation.models import Clip, History, Project, Task
from annotation.scene.numbered import draw_numbered_picture, read_frame_number
from tests.factories import ClipFactory, facts_of, tiny_video


def lying(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_clip_keeps_its_source_byte_for_byte(clip: Clip) -> None:
    original = tiny_video()
    kept = clips.source(clip)
    assert kept.read_bytes() == original.read_bytes()
    assert clip.sha256 == hashlib.sha256(original.read_bytes()).hexdigest()
    assert clip.size == original.stat().st_size
    assert lying(clip.folder) == ["frames.npz", "manifest.json", f"source/{original.name}"]
    assert clips.folder(clip).verify() == []


def test_frame_n_is_the_same_picture_everywhere(clip: Clip) -> None:
    assert clip.frame_count == 24
    with clips.reader(clip) as reader:
        for frame in (0, 7, 23, 3):
            assert read_frame_number(reader.read(frame)) == frame
            still = cv2.imread(str(clips.still(clip, frame)))
            assert read_frame_number(still) == frame


def test_a_thumbnail_is_small_and_a_still_is_made_once(clip: Clip) -> None:
    small = clips.still(clip, 5, max_side=48)
    assert max(cv2.imread(str(small)).shape) == 48
    made = clips.still(clip, 5)
    before = made.stat().st_ino
    assert clips.still(clip, 5).stat().st_ino == before
    assert clips.still(clip, 6).parent == made.parent
    with pytest.raises(IndexError, match="frames are 0 to 23"):
        clips.still(clip, 24)


def test_times_are_those_of_the_file_and_the_end_is_a_frame_later(project: Project) -> None:
    varying = ClipFactory(project=project, path=tiny_video(900))
    assert varying.variable_rate
    assert clips.seconds(varying, 0) == 0.0
    assert clips.seconds(varying, 1) == pytest.approx(1.45 / 12, abs=1e-4)
    assert clips.seconds(varying, 24) == pytest.approx(varying.duration, abs=0.02)
    with pytest.raises(IndexError):
        clips.seconds(varying, 25)


def test_keyframes_come_at_the_pace_of_the_project_and_the_task_wants_them(project: Project, clip: Clip) -> None:
    assert clip.keyframes == [0, 12]
    task = Task.objects.get(clip=clip)
    assert (task.start, task.end, task.frames, task.second_of) == (0, 24, [0, 12], None)
    project.keyframes_per_second = 4.0
    assert ClipFactory(project=project, path=tiny_video(frames=12)).keyframes == [0, 3, 6, 9]


def test_a_clip_says_that_it_is_ready_once_it_is_committed(
    project: Project, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[tuple[int, bool]] = []

    def listen(clip_id: int, **_: Any) -> None:
        heard.append((clip_id, Clip.objects.get(pk=clip_id).folder.is_dir()))

    clip_ready.connect(listen)
    try:
        with django_capture_on_commit_callbacks() as callbacks:
            made = ClipFactory(project=project, by=alice)
        assert heard == []
        for callback in callbacks:
            callback()
    finally:
        clip_ready.disconnect(listen)
    assert heard == [(made.pk, True)]
    assert History.objects.filter(verb="added", subject="clip", subject_id=str(made.pk), actor=alice).exists()


def test_the_same_bytes_are_said_not_stored_twice(
    project: Project, clip: Clip, alice: User, settings: Settings
) -> None:
    before = lying(settings.CLIPS_DIR)
    with pytest.raises(Duplicate, match=f"already here as clip {clip.pk}") as caught:
        ClipFactory(project=project, path=tiny_video())
    assert caught.value.clip == clip
    assert lying(settings.CLIPS_DIR) == before


def test_another_project_may_have_the_same_file(clip: Clip) -> None:
    assert ClipFactory(path=tiny_video()).sha256 == clip.sha256


def test_nothing_is_left_when_adding_fails_after_the_files_were_laid_down(
    project: Project, alice: User, settings: Settings
) -> None:
    with pytest.raises(Refused, match="no field 'colour'"):
        clips.add(project=project, path=tiny_video(), facts=facts_of(tiny_video()), about={"colour": "red"}, by=alice)
    assert lying(settings.CLIPS_DIR) == []
    assert not Clip.objects.exists()


def test_a_rolled_back_clip_does_not_stand_in_the_way_of_the_next(project: Project, alice: User) -> None:
    with transaction.atomic():
        lost = ClipFactory(project=project, by=alice)
        transaction.set_rollback(True)
    assert lost.folder.is_dir()
    again = ClipFactory(project=project, path=tiny_video(3), by=alice)
    assert clips.folder(again).verify() == []
    assert [path.name for path in (again.folder / "source").iterdir()] == [tiny_video(3).name]


def test_a_file_that_changes_while_it_is_read_is_refused(project: Project, tmp_path: Path, settings: Settings) -> None:
    path = shutil.copy(tiny_video(), tmp_path / "live.mp4")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Refused, match="changed while it was being read"):
        clips.stage(project=project, path=path, facts=facts_of(tiny_video()), sha256=digest, name="live.mp4")
    assert lying(settings.CLIPS_DIR) == []


def test_moving_removes_the_source_once_the_clip_stands(
    project: Project, alice: User, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    path = shutil.copy(tiny_video(), tmp_path / "moved.mp4")
    with django_capture_on_commit_callbacks(execute=True):
        made = clips.add(project=project, path=path, facts=facts_of(tiny_video()), about={}, by=alice, move=True)
        assert path.exists()
    assert not path.exists()
    assert clips.source(made).is_file()


def test_folders_that_killed_workers_left_are_swept(db: None, settings: Settings) -> None:
    left = settings.CLIPS_DIR / ".incoming-abc"
    left.mkdir(parents=True)
    assert clip_leftovers.sweep(older_than=3600) == 0
    old = time.time() - 7200
    os.utime(left, (old, old))
    assert clip_leftovers.sweep(older_than=3600) == 1
    assert not left.exists()


def aged(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_a_folder_whose_ingest_was_rolled_back_is_set_aside_and_removed_a_week_later(
    clip: Clip, settings: Settings
) -> None:
    left, fresh = (settings.CLIPS_DIR / f"clip_{clip.pk + more:08d}" for more in (1, 2))
    for folder in (left, fresh):
        (folder / "source").mkdir(parents=True)
    aged(left, 7200)
    aged(clip.folder, 7200)
    assert clip_leftovers.sweep(older_than=3600) == 0
    assert (clip.folder.is_dir(), fresh.is_dir(), left.exists()) == (True, True, False)
    [aside] = settings.CLIPS_DIR.glob(".orphan-*")
    assert clip_leftovers.sweep(older_than=3600) == 0
    aged(aside, 8 * 24 * 3600)
    assert clip_leftovers.sweep(older_than=3600) == 1
    assert [path.name for path in settings.CLIPS_DIR.glob("*clip_*")] != []
    assert not aside.exists()


def test_clip_folders_of_another_database_are_left_alone(db: None, settings: Settings) -> None:
    """An empty database beside a full folder is a wrong DATABASE_URL, not a thousand rolled-back ingests."""
    left = settings.CLIPS_DIR / "clip_00000007"
    left.mkdir(parents=True)
    aged(left, 30 * 24 * 3600)
    assert clip_leftovers.sweep(older_than=3600) == 0
    assert left.is_dir()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\arm left.MOV", "arm left.MOV"),
        (".hidden.mp4", "hidden.mp4"),
        ("a\x00b\nc\u202e.mp4", "abc.mp4"),
        ('what<is>"this"?.mp4', "what_is__this__.mp4"),
        ("", "clip"),
        ("..", "clip"),
        ("...mp4", "mp4"),
        ("Küche früh.mp4", "Küche früh.mp4"),
        ("é" * 300 + ".mp4", "é" * 98 + ".mp4"),
    ],
)
def test_a_file_name_is_made_safe_and_stays_readable(given: str, kept: str) -> None:
    assert about.file_name(given) == kept


def test_where_a_clip_comes_from_is_checked() -> None:
    told = {"scene": "  kitchen\n 2 ", "device": "", "contributor": '{"handedness": "left"}'}
    assert about.clean(told) == {"scene": "kitchen 2", "contributor": {"handedness": "left"}}
    for wrong in ({"address": "Main St"}, {"scene": 3}, {"scene": "x" * 121}, {"contributor": {"name": "Eve"}}):
        with pytest.raises(Refused):
            about.clean(wrong)


# ---- manage.py ingest


def said(project: Project, *arguments: str) -> tuple[str, int]:
    """What the command prints, and its exit code."""
    lines: list[str] = []

    class Paper:
        def write(self, text: str) -> None:
            lines.append(text)

    code = 0
    try:
        call_command("ingest", project.slug, *arguments, stdout=Paper(), no_color=True)
    except SystemExit as error:
        code = int(str(error.code))
    return "".join(lines), code


def test_ingest_takes_files_and_folders_and_says_what_became_of_each(
    project: Project, tmp_path: Path, settings: Settings
) -> None:
    deep = tmp_path / "in" / "day 1" / "left"
    deep.mkdir(parents=True)
    shutil.copy(tiny_video(), deep / "a.mp4")
    shutil.copy(tiny_video(1), tmp_path / "in" / "b.MP4")
    shutil.copy(tiny_video(1), tmp_path / "in" / "copy of b.mp4")
    (tmp_path / "in" / "notes.txt").write_text("not a video")
    (tmp_path / "in" / "cut.mp4").write_bytes(tiny_video(2).read_bytes()[:-900])
    pictures = tmp_path / "in" / "stills"
    pictures.mkdir()
    for frame in range(3):
        cv2.imwrite(str(pictures / f"p{frame}.png"), draw_numbered_picture(frame, 96, 64))
    (pictures / "p10.png").write_bytes((pictures / "p2.png").read_bytes())
    (tmp_path / "in" / "empty folder").mkdir()

    text, code = said(project, str(tmp_path / "in"), "--scene", "bench", "--handedness", "left", "--fps", "10")
    assert code == 1
    assert "a.mp4: added as clip" in text
    assert "copy of b.mp4: already here as clip" in text
    assert "cut.mp4: refused because cut.mp4" in text
    assert "notes.txt" not in text
    assert set(Clip.objects.values_list("name", "scene")) == {("a", "bench"), ("b", "bench"), ("stills", "bench")}
    folder = Clip.objects.get(name="stills")
    assert (folder.container, folder.frame_count, folder.fps, folder.duration) == ("images", 4, 10.0, 0.4)
    assert folder.contributor == {"handedness": "left"}
    with clips.reader(folder) as reader:
        assert [read_frame_number(reader.read(frame)) for frame in range(4)] == [0, 1, 2, 2]
    assert len(list(settings.CLIPS_DIR.iterdir())) == 3

    text, code = said(project, str(tmp_path / "in" / "stills"), str(deep))
    assert code == 0
    assert text.count("already here as clip") == 2


def test_a_changed_picture_makes_another_clip(project: Project, alice: User, tmp_path: Path) -> None:
    for frame in range(2):
        cv2.imwrite(str(tmp_path / f"{frame}.png"), np.full((48, 72, 3), 90 * frame, np.uint8))
    first = clips.add(project=project, path=tmp_path, facts=inspect(tmp_path), about={}, by=alice, name="one")
    with pytest.raises(Duplicate):
        clips.add(project=project, path=tmp_path, facts=inspect(tmp_path), about={}, by=alice, name="two")
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 72, 3), 91, np.uint8))
    second = clips.add(project=project, path=tmp_path, facts=inspect(tmp_path), about={}, by=alice, name="two")
    assert first.sha256 != second.sha256


@pytest.mark.parametrize("name", ["nothing.mp4", "empty folder"])
def test_ingest_says_what_it_cannot_find(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty folder").mkdir()
    text, code = said(project, str(tmp_path / name))
    assert code == 1
    assert "refused because" in text


def test_ingest_names_the_projects_there_are(project: Project) -> None:
    with pytest.raises(CommandError, match=r"no project 'tabletop'; the projects are: table-top"):
        call_command("ingest", "tabletop", "x.mp4")
    with pytest.raises(CommandError, match="scene has 200 characters"):
        call_command("ingest", "table-top", "x.mp4", scene="s" * 200)


def test_the_real_clips_come_in_whole(project: Project, alice: User, samples: Path) -> None:
    took = list(ingest.ingest(project=project, paths=[samples], about={}, by=alice, rate=Fraction(30)))
    assert [(outcome.path.name, outcome.verdict) for outcome in took] == [
        ("blocks.mp4", "added"),
        ("coffee.mp4", "added"),
    ]
    blocks = Clip.objects.get(name="blocks")
    assert (blocks.width, blocks.height, blocks.codec, blocks.container) == (1280, 720, "h264", "mp4")
    assert blocks.fps == pytest.approx(30000 / 1001)
    assert blocks.frame_count == len(clips.index(blocks))
    assert json.loads((blocks.folder / "manifest.json").read_text())["layers"]["source"]["engine"] == "loupe"
    assert clips.folder(blocks).verify() == []
