"""Frame n is the same picture everywhere: read at random, in a pass, as a still, and by ffmpeg itself."""

import shutil
import subprocess
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from annotation.media import keyframes, stills
from annotation.media.decode import FrameReader
from annotation.media.errors import FrameMismatch, MediaError
from annotation.media.facts import Limits
from annotation.media.probe import inspect
from annotation.media.scan import scan
from annotation.media.video_mp4 import as_mp4
from annotation.scene.numbered import read_frame_number, write_numbered_video
from tests.annotation import poison

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg command is not installed")


def look(path):
    """The facts, in this process: the files here are our own."""
    return scan(path, limits=Limits(), progress=lambda done, of: None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    samples = poison.build(tmp_path_factory.mktemp("corpus"))
    return {sample.path.name: sample.path for sample in samples if sample.verdict == poison.TAKEN}


@pytest.fixture
def clip(tmp_path):
    """60 frames, B-frames, a key frame every 12."""
    write_numbered_video(tmp_path / "clip.mp4", frames=60, b_frames=3)
    return tmp_path / "clip.mp4"


@needs_ffmpeg
def test_the_bytes_are_those_of_ffmpegs_own_decode(corpus):
    different = []
    for name, path in corpus.items():
        if path.is_dir() or name == "no_times.mkv":  # ffmpeg's command drops frames that share one time
            continue
        facts = look(path)
        command = ["ffmpeg", "-v", "error", "-i", f"file:{path}", "-vsync", "passthrough", "-f", "rawvideo"]
        raw = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
        expected = np.frombuffer(raw, np.uint8).reshape(-1, facts.height, facts.width, 3)
        with FrameReader(path, facts.index) as reader:
            same = [(picture == expected[number]).all() for number, picture in reader.iterate()]
        if len(expected) != len(same) or not all(same):
            different.append((name, len(expected), same))
    assert different == []
    assert len(corpus) > 15


def test_frames_read_in_any_order_are_the_right_ones(corpus):
    rng = np.random.default_rng(5)
    for name in (
        "b_frames.mp4",
        "variable.mp4",
        "edited.mp4",
        "stream.ts",
        "boxes.mkv",
        "no_times.mkv",
        "reordered.avi",
    ):
        facts = look(corpus[name])
        first = 10 if name == "edited.mp4" else 0
        with FrameReader(corpus[name], facts.index) as reader:
            for frame in [*rng.permutation(len(reader))[:15].tolist(), len(reader) - 1, 0]:
                assert read_frame_number(reader.read(frame)) == frame + first, name


def test_a_pass_with_a_step_gives_every_nth_frame(clip):
    with FrameReader(clip, look(clip).index) as reader:
        assert [(n, read_frame_number(p)) for n, p in reader.iterate(5, 50, 13)] == [(n, n) for n in (5, 18, 31, 44)]
        assert [n for n, _ in reader.iterate(60, 60)] == []
        assert read_frame_number(reader.read(3)) == 3


def test_it_refuses_frames_that_are_not_there(clip):
    with FrameReader(clip, look(clip).index) as reader:
        for frame in (-1, 60):
            with pytest.raises(IndexError, match="frames are 0 to 59"):
                reader.read(frame)
        with pytest.raises(IndexError, match="do not lie"):
            next(reader.iterate(0, 61))
        with pytest.raises(ValueError, match="leads nowhere"):
            next(reader.iterate(0, 10, 0))


def test_another_clip_under_the_same_name_is_noticed(clip, tmp_path):
    index = look(clip).index
    write_numbered_video(clip, frames=60, b_frames=3, width=176)
    with FrameReader(clip, index) as reader, pytest.raises(FrameMismatch, match="changed or damaged"):
        reader.read(30)
    write_numbered_video(clip, frames=20)
    with FrameReader(clip, index) as reader, pytest.raises(FrameMismatch, match="can no longer be decoded"):
        reader.read(30)


def test_key_frames_that_promise_too_much_are_found_out(clip):
    index = look(clip).index
    index.keys[:] = True  # every frame claims that decoding can begin at it
    with FrameReader(clip, index) as reader:
        for frame in (30, 7, 55):
            assert read_frame_number(reader.read(frame)) == frame


def test_a_picture_folder_reads_like_a_clip_and_says_what_is_gone(corpus, tmp_path):
    folder = tmp_path / "counted"
    shutil.copytree(corpus["counted"], folder)
    index = inspect(folder).index
    with FrameReader(folder, index) as reader:
        assert [read_frame_number(picture) for _, picture in reader.iterate()] == list(range(12))
        (folder / "frame_10.png").write_bytes((folder / "frame_9.png").read_bytes())
        with pytest.raises(FrameMismatch):
            reader.read(10)
    (folder / "frame_10.png").unlink()
    with pytest.raises(MediaError, match=r"the first is frame_10\.png"):
        FrameReader(folder, index)


def test_a_still_is_the_frame_and_the_ones_after_it_are_made_too(clip, tmp_path):
    with FrameReader(clip, look(clip).index) as reader:
        path = stills.still(reader, tmp_path / "stills", 20, ahead=5)
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        assert np.abs(picture.astype(int) - reader.read(20)).mean() < 3
        made = sorted(path.name for path in (tmp_path / "stills").iterdir())
        assert made == [f"{number:06}-q90.jpg" for number in range(20, 26)]
        small = cv2.imread(str(stills.still(reader, tmp_path / "stills", 3, max_side=80, ahead=0)))
        assert small.shape == (60, 80, 3)
        with pytest.raises(IndexError):
            stills.still(reader, tmp_path / "stills", 60)


def test_many_who_ask_for_stills_at_once_all_get_whole_ones(clip, tmp_path):
    index, numbers, wrong = look(clip).index, range(0, 60, 7), []

    def ask():
        with FrameReader(clip, index) as reader:
            for number in numbers:
                data = stills.still(reader, tmp_path / "stills", number, ahead=6).read_bytes()
                picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                if picture is None or read_frame_number(picture) != number:
                    wrong.append(number)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert not list((tmp_path / "stills").glob(".part-*"))


def test_pruning_removes_what_was_not_asked_for_longest(clip, tmp_path):
    with FrameReader(clip, look(clip).index) as reader:
        paths = [stills.still(reader, tmp_path / "stills", number, ahead=0) for number in range(4)]
        stills.thumbnail(reader, tmp_path / "stills")
    for age, path in zip((300, 100, 400, 200), paths, strict=True):
        subprocess.run(["touch", "-d", f"-{age} seconds", str(path)], check=True)
    total = sum(path.stat().st_size for path in (tmp_path / "stills").iterdir())
    removed = stills.prune(tmp_path / "stills", total - 1)
    assert removed > 0
    assert [path.exists() for path in paths] == [True, True, False, True]
    assert stills.prune(tmp_path / "stills", 0) == total - removed


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("b_frames.mp4", "copied"),
        ("boxes.mkv", "remuxed"),
        ("stream.ts", "remuxed"),
        ("odd.webm", "remuxed"),
        ("lossless.mkv", "lossless"),
        ("motion.avi", "lossless"),
        ("camera.mov", "lossless"),
        ("no_times.mkv", "lossless"),
        ("counted", "lossless"),
    ],
)
def test_video_mp4_shows_the_sources_own_frames(corpus, tmp_path, name, how):
    source, target = corpus[name], tmp_path / "video.mp4"
    facts = inspect(source)
    assert as_mp4(source, target, facts.index) == how
    if how == "copied":
        assert target.read_bytes() == source.read_bytes()
    made = look(target)
    assert made.index.seconds == pytest.approx(facts.index.seconds, abs=0.001)
    with FrameReader(source, facts.index) as ours, FrameReader(target, made.index) as theirs:
        assert all((a == b).all() for (_, a), (_, b) in zip(ours.iterate(), theirs.iterate(), strict=True))


def test_keyframes_keep_to_the_clock_and_not_to_the_frame_count():
    seconds = np.concatenate([np.arange(10) / 10, 1 + np.arange(100) / 100])
    assert keyframes.uniform(seconds, per_second=2) == [0, 5, 10, 60]
    assert keyframes.uniform(np.array([0.0])) == [0]
    assert keyframes.episode(101, between=3) == [0, 25, 50, 75, 100]
    assert keyframes.episode(2) == [0, 1]
    assert keyframes.batches(list(range(5)), size=2) == [[0, 1], [2, 3], [4]]


def test_a_cut_is_a_scene_change_and_a_moving_hand_is_none():
    rng = np.random.default_rng(6)

    def picture(colour, at):
        image = np.full((48, 64, 3), colour, np.uint8)
        image[10:30, at : at + 12] = (200, 160, 140)
        return np.clip(image + rng.integers(-4, 5, image.shape), 0, 255).astype(np.uint8)

    shown = [picture((40, 90, 60), 2 * n) for n in range(24)] + [picture((150, 60, 200), 2 * n) for n in range(24)]
    assert keyframes.scene_changes(enumerate(shown)) == [0, 24]
    assert keyframes.scene_changes(iter(())) == []


def test_a_real_clip_reads_whole(samples):
    source = samples / "coffee.mp4"
    facts = look(source)
    with av.open(str(source)) as container:
        bare = sum(1 for _ in container.decode(video=0))
    with FrameReader(Path(source), facts.index) as reader:
        assert sum(1 for _ in reader.iterate()) == bare == facts.frames
        assert reader.read(200).shape == (720, 1280, 3)
