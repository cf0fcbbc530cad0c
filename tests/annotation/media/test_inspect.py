"""Every file of the poison corpus gets its verdict, none brings the process down, what is taken has its frames."""

import resource
import signal
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from annotation.media import probe, sandbox
from annotation.media.decode import FrameReader
from annotation.media.errors import MediaError, MediaRefused
from annotation.media.facts import Limits
from annotation.media.frame_index import FrameIndex
from annotation.scene.numbered import read_frame_number, write_numbered_video
from tests.annotation import poison

LIMITS = Limits(wall_seconds=30, cpu_seconds=30, silent_seconds=20)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return poison.build(tmp_path_factory.mktemp("poison"))


def test_every_verdict_is_right_and_every_frame_is_the_one_it_says(corpus):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wrong = []
    for sample in corpus:
        try:
            facts = probe.inspect(sample.path, limits=LIMITS)
        except MediaRefused as refusal:
            if refusal.code != sample.verdict or not refusal.sentence.endswith("."):
                wrong.append((sample.path.name, refusal.code, refusal.sentence))
            continue
        found = {name: getattr(facts, name) for name in sample.facts}
        with FrameReader(sample.path, facts.index) as reader:
            # turned back, as the numbers were drawn before the file was told to be turned
            turns = facts.rotation // 90
            shown = [(read_frame_number(np.rot90(picture, turns)), picture.shape) for _, picture in reader.iterate()]
        expected = [(number, (facts.height, facts.width, 3)) for number in sample.shows]
        if sample.verdict != poison.TAKEN or found != sample.facts or shown != expected:
            wrong.append((sample.path.name, found, [number for number, _ in shown]))
    assert wrong == []
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # processor time, since a busy machine must not decide; the largest process so far, in KiB
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30
    assert after.ru_maxrss < 1.5 * 2**20


def test_a_refusal_says_what_to_do(corpus):
    sample = next(sample for sample in corpus if sample.path.name == "cut.mp4")
    with pytest.raises(MediaRefused, match=r"cut\.mp4 is cut short: it should have .* bytes.*again"):
        probe.inspect(sample.path)


def test_a_truncated_file_of_any_length_is_refused_or_whole(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_numbered_video(whole, frames=12, b_frames=2)
    content = whole.read_bytes()
    for keep in np.linspace(1, len(content) - 1, 9).astype(int):
        (tmp_path / "part.mp4").write_bytes(content[:keep])
        with pytest.raises(MediaRefused):
            probe.inspect(tmp_path / "part.mp4", limits=LIMITS)


def test_a_byte_flipped_anywhere_never_brings_it_down(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_numbered_video(whole, frames=8)
    content = whole.read_bytes()
    rng = np.random.default_rng(4)
    verdicts = []
    for at in rng.integers(0, len(content), 10):
        (tmp_path / "flipped.mp4").write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            verdicts.append(f"{probe.inspect(tmp_path / 'flipped.mp4', limits=LIMITS).frames} frames")
        except MediaRefused as refusal:
            verdicts.append(refusal.sentence)
    assert [verdict for verdict in verdicts if "decoder stopped" in verdict or verdict == "0 frames"] == []


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (replace(LIMITS, max_bytes=1000), "bytes; at most 1,000"),
        (replace(LIMITS, max_pixels=100), "160 x 120 pixels; at most 100"),
        (replace(LIMITS, max_frames=19), "20 frames; at most 19"),
        (replace(LIMITS, max_seconds=0.5), "minutes long"),
    ],
)
def test_it_refuses_what_is_too_large_by_its_own_word(tmp_path, limits, sentence):
    write_numbered_video(tmp_path / "clip.mp4", frames=20)
    with pytest.raises(MediaRefused) as refusal:
        probe.inspect(tmp_path / "clip.mp4", limits=limits)
    assert refusal.value.code == "outsized"
    assert sentence in refusal.value.sentence


def test_it_counts_frames_that_were_not_declared(tmp_path):
    write_numbered_video(tmp_path / "clip.mkv", frames=20)  # Matroska does not say how many
    with pytest.raises(MediaRefused, match="more than 19 frames"):
        probe.inspect(tmp_path / "clip.mkv", limits=replace(LIMITS, max_frames=19))


def test_too_little_memory_or_time_is_a_verdict_and_not_a_crash(tmp_path):
    write_numbered_video(tmp_path / "clip.mp4", frames=20)
    with pytest.raises(MediaRefused) as refusal:
        probe.inspect(tmp_path / "clip.mp4", limits=replace(LIMITS, memory_bytes=200 * 2**20))
    assert refusal.value.code in ("outsized", "corrupt")
    with pytest.raises(MediaRefused, match="takes longer") as refusal:
        probe.inspect(tmp_path / "clip.mp4", limits=replace(LIMITS, wall_seconds=0.01))
    assert refusal.value.code == "slow"


def test_the_guarded_process_really_has_its_limits_and_none_of_our_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "of the server")
    (tmp_path / "asks.py").write_text(
        "import os, resource\n"
        "from annotation.media import sandbox\n"
        "sandbox.restrict(memory_bytes=2**30, cpu_seconds=7)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
        "print('SECRET_KEY' in os.environ)\n"
        "try:\n    bytearray(2**31)\nexcept MemoryError:\n    print('refused')\n"
    )
    monkeypatch.setattr(sandbox, "_ROOT", f"{tmp_path}:{sandbox._ROOT}")
    told = []
    ended = sandbox.run("asks", [], wall_seconds=20, silent_seconds=20, line=told.append)
    assert told == [f"{2**30} 7", "False", "refused"]
    assert ended.code == 0


def test_a_process_that_is_stuck_is_stopped(tmp_path, monkeypatch):
    (tmp_path / "stuck.py").write_text("print('begun', flush=True)\nimport time\ntime.sleep(60)\n")
    monkeypatch.setattr(sandbox, "_ROOT", tmp_path)
    started = time.monotonic()
    ended = sandbox.run("stuck", [], wall_seconds=50, silent_seconds=0.5, line=lambda _: None)
    assert ended.timed_out
    assert time.monotonic() - started < 10


def test_progress_is_told(tmp_path):
    write_numbered_video(tmp_path / "clip.mp4", frames=60)
    told = []
    probe.inspect(tmp_path / "clip.mp4", progress=lambda done, of: told.append((done, of)))
    assert told == [(25, 60), (50, 60), (60, 60)]


def test_a_callback_that_fails_stops_the_worker(tmp_path):
    write_numbered_video(tmp_path / "clip.mp4", frames=60)

    def cancel(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe.inspect(tmp_path / "clip.mp4", progress=cancel)


def test_times_of_a_variable_rate_are_kept_exactly(tmp_path):
    times = [0.0, 0.1, 0.15, 0.9, 1.0]
    write_numbered_video(tmp_path / "clip.mp4", frames=5, pts=times, b_frames=2)
    facts = probe.inspect(tmp_path / "clip.mp4")
    assert facts.index.seconds == pytest.approx(times, abs=1e-5)
    assert facts.variable_rate


def test_the_index_survives_the_disk_and_a_changed_one_is_refused(tmp_path):
    write_numbered_video(tmp_path / "clip.mp4", frames=10)
    index = probe.inspect(tmp_path / "clip.mp4").index
    index.save(tmp_path / "index.npz")
    again = FrameIndex.load(tmp_path / "index.npz")
    assert again.digest == index.digest
    assert (again.time_base, again.pts.tolist()) == (index.time_base, index.pts.tolist())
    for content in (b"", b"no zip", (tmp_path / "index.npz").read_bytes()[:200]):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(MediaError, match="cannot be read as a frame index"):
            FrameIndex.load(tmp_path / "broken.npz")


def test_an_index_never_runs_backwards():
    one = np.ones(3)
    with pytest.raises(MediaError, match="strictly increase"):
        FrameIndex(np.array([0, 2, 2]), Fraction(1, 30), one.astype(np.uint32), one.astype(bool))


def test_the_digest_of_a_folder_changes_with_a_picture_and_not_with_a_note(corpus):
    folder = next(sample.path for sample in corpus if sample.path.name == "counted")
    before = probe.source_digest(folder)
    (folder / "more.txt").write_text("another note")
    assert probe.source_digest(folder) == before
    first = folder / "frame_0.png"
    content = first.read_bytes()
    first.write_bytes(content + b"\0")
    assert probe.source_digest(folder)[0] != before[0]
    first.write_bytes(content)


def test_a_killed_worker_is_a_verdict(tmp_path, monkeypatch):
    write_numbered_video(tmp_path / "clip.mp4", frames=10)
    ended = sandbox.Ended(-signal.SIGSEGV, timed_out=False, complaint="")
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: ended)
    with pytest.raises(MediaRefused, match="decoder stopped working"):
        probe.inspect(tmp_path / "clip.mp4")


def test_the_real_clips_are_taken(samples):
    facts = probe.inspect(samples / "blocks.mp4")
    assert (facts.width, facts.height, facts.codec, facts.container) == (1280, 720, "h264", "mp4")
    assert facts.fps == pytest.approx(29.97, abs=0.01)
    assert not facts.variable_rate
    assert not facts.timestamps_synthesised
    assert facts.frames == pytest.approx(facts.duration * facts.fps, abs=0.1)
