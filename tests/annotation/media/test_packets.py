"""Packets and colour sums: what a browser gets is enough to decode every frame, and gives our pixels."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from annotation.media import packets, planes
from annotation.media.colour_sums import planes_of, sums_of
from annotation.media.decode import FrameReader
from annotation.media.errors import MediaError
from annotation.media.facts import Limits
from annotation.media.scan import open_video, scan
from annotation.scene.numbered import write_numbered_video
from tests.annotation import poison


def look(path):
    """The facts, in this process: the files here are our own."""
    return scan(path, limits=Limits(), progress=lambda done, of: None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    samples = poison.build(tmp_path_factory.mktemp("corpus"))
    return {s.path.name: s.path for s in samples if s.verdict == poison.TAKEN and s.path.is_file()}


def decode_alone(source, index, stretch):
    """{frame: CRC-32 of its planes}, by a decoder that has seen nothing but the stretch."""
    container, _ = open_video(source)
    with container:
        template = container.streams.video[0].codec_context
        decoder = av.CodecContext.create(template.codec.name, "r")
        decoder.extradata = template.extradata
    found = {}
    coded = [av.Packet(data) for data in stretch.data]
    for frame, packet in zip(stretch.frames, coded, strict=True):
        packet.pts = frame if frame >= 0 else None
    for packet in [*coded, None]:
        for picture in decoder.decode(packet):
            if picture.pts is not None:
                found[picture.pts] = planes.crc32_of(picture)
    return found


@pytest.mark.parametrize("options", [{}, {"b_frames": 3}, {"b_frames": 2, "gop": 60}, {"codec": "libvpx-vp9"}])
def test_every_frame_is_proven_from_its_stretch_alone(tmp_path, options):
    path = tmp_path / ("clip.webm" if "codec" in options else "clip.mp4")
    write_numbered_video(path, frames=90, **options)
    index = look(path).index
    proven = {}
    for frame in range(90):
        if frame in proven:
            continue
        stretch = packets.read_stretch(path, index, frame)
        assert stretch.start <= frame < stretch.end
        assert stretch.keys[0]
        proven |= {n: crc for n, crc in decode_alone(path, index, stretch).items() if stretch.start <= n < stretch.end}
    assert proven == {n: int(crc) for n, crc in enumerate(index.crc32)}


def test_leading_pictures_of_an_open_group_come_with_the_group_before(tmp_path):
    path = tmp_path / "open.mkv"
    with av.open(str(path), "w") as written:
        stream = written.add_stream("libx264", rate=25, options={"x264-params": "open-gop=1:keyint=40:bframes=3"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(120):
            level = np.full((64, 96, 3), number * 2, np.uint8)
            written.mux(stream.encode(av.VideoFrame.from_ndarray(level, format="rgb24")))
        written.mux(stream.encode())
    index = look(path).index
    stretch = packets.read_stretch(path, index, 39)
    found = decode_alone(path, index, stretch)
    assert all(found[n] == index.crc32[n] for n in range(stretch.start, stretch.end))


def test_the_binary_form_says_what_it_holds(tmp_path):
    path = tmp_path / "clip.mp4"
    write_numbered_video(path, frames=40, b_frames=2)
    index = look(path).index
    stretch = packets.read_stretch(path, index, 20)
    told = stretch.to_bytes(index)
    magic, start, end, count = packets.HEADER.unpack_from(told)
    assert (magic, start, end, count) == (b"LPK1", stretch.start, stretch.end, len(stretch.data))
    records = [struct.unpack_from("<iIII", told, 16 + 16 * i) for i in range(count)]
    assert [frame for frame, *_ in records] == list(stretch.frames)
    assert [crc for frame, crc, *_ in records] == [int(index.crc32[n]) for n in stretch.frames]
    assert told[16 + 16 * count :] == b"".join(stretch.data)
    assert sum(size for *_, size, _ in records) == len(told) - 16 - 16 * count


def test_packets_that_an_edit_list_hides_show_no_frame(tmp_path):
    path = tmp_path / "edited.mp4"
    path.write_bytes(poison.edited(tmp_path, start=5))
    index = look(path).index
    stretch = packets.read_stretch(path, index, 0)
    assert stretch.frames.count(-1) > 0
    assert set(range(len(index))) <= set(stretch.frames)
    found = decode_alone(path, index, stretch)
    assert all(found[n] == index.crc32[n] for n in range(len(index)))


def test_a_group_that_is_too_long_for_a_browser_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    write_numbered_video(path, frames=60, gop=60)
    monkeypatch.setattr(packets, "_MOST_PACKETS", 20)
    with pytest.raises(MediaError, match="ask for the pictures"):
        packets.read_stretch(path, look(path).index, 5)


def test_the_sums_give_ffmpegs_pixels_or_are_not_given(corpus):
    exact = set()
    for name, path in corpus.items():
        index = look(path).index
        with FrameReader(path, index) as reader:
            sums = sums_of(reader.decoded(0))
            if sums is None:
                continue
            exact.add(name)
            for number in {0, len(index) // 2, len(index) - 1}:
                frame = reader.decoded(number)
                turned = np.rot90(sums.to_rgb(planes_of(frame)), -planes.clockwise(frame) // 90)
                np.testing.assert_array_equal(turned, reader.read(number), err_msg=f"{name}, frame {number}")
    assert {"plain.mp4", "b_frames.mp4", "rotated.mp4", "stream.ts", "motion.avi"} <= exact
    assert "odd.webm" not in exact, "FFmpeg interpolates chroma of pictures of odd height"


@pytest.mark.parametrize("colour", [(1, 1), (5, 1), (9, 1), (1, 2), (6, 2)])
def test_the_sums_follow_matrix_and_range(colour):
    noise = np.random.default_rng(7)
    sample = av.VideoFrame.from_ndarray(noise.integers(0, 256, (96, 64), dtype=np.uint8), format="yuv420p")
    sample.colorspace, sample.color_range = colour
    sample.time_base = Fraction(1, 1000)
    sums = sums_of(sample)
    assert sums is not None
    np.testing.assert_array_equal(sums.to_rgb(planes_of(sample)), planes.RgbConverter()(sample))


@pytest.mark.parametrize(
    ("codec", "expected"), [("libx264", "avc1.64"), ("libvpx-vp9", "vp09.00.51.08"), ("libvpx", "vp8"), ("mpeg4", "")]
)
def test_codecs_are_named_as_browsers_name_them(tmp_path, codec, expected):
    path = tmp_path / "clip.mkv"
    write_numbered_video(path, frames=10, codec=codec)
    container, _ = open_video(path)
    with container:
        named = packets.codec_string(container.streams.video[0])
    assert named.startswith(expected) if expected else named == ""
