"""Frames are decoded once for all that look at them, and not held where nobody looks again."""

import pytest

from annotation.media.decode import FrameReader
from annotation.media.facts import Limits
from annotation.media.kept_frames import KeptFrames
from annotation.media.scan import scan
from annotation.scene.numbered import read_frame_number, write_numbered_video


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """60 frames; `decoded` on it lists what came out of the decoder, in order."""
    path = tmp_path / "clip.mp4"
    write_numbered_video(path, frames=60)
    reader = FrameReader(path, scan(path, limits=Limits(), progress=lambda done, of: None).index)
    reader.seen, usual = [], reader.decoded
    monkeypatch.setattr(reader, "decoded", lambda frame: reader.seen.append(frame) or usual(frame))
    return reader


def test_what_others_look_at_too_is_decoded_once(reader):
    with KeptFrames(reader, 2**30) as frames:
        for _ in range(3):
            assert [read_frame_number(picture) for _, picture in frames.iterate(0, 30)] == list(range(30))
    assert reader.seen == list(range(30))


def test_where_nobody_looks_again_only_the_last_few_are_held(reader):
    with KeptFrames(reader, 2**30) as frames:
        frames.shared = False
        shown = [(number, read_frame_number(picture)) for number, picture in frames.pick(range(0, 60, 7))]
        assert len(frames._kept) <= 4
        # One frame back is still there: layers compare a frame with the one before.
        before = len(reader.seen)
        assert read_frame_number(frames.read(56)) == 56
    assert shown == [(number, number) for number in range(0, 60, 7)]
    assert reader.seen == list(range(57))
    assert len(reader.seen) == before


def test_a_bound_in_bytes_holds_for_what_is_shared(reader):
    with KeptFrames(reader, 1) as frames:
        assert [read_frame_number(picture) for _, picture in frames.iterate(0, 10)] == list(range(10))
        assert len(frames._kept) == 1
