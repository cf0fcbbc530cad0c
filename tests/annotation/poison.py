"""The poison corpus: files that people do upload, by accident or not, each with the verdict it must get.

Made anew for every run, since the repository carries no media. `build(folder)` writes them all.
"""

import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from annotation.scene.numbered import draw_numbered_picture, write_numbered_video

TAKEN = "taken"


@dataclass(frozen=True)
class Sample:
    """A file or folder, the verdict on it (TAKEN or the code of the refusal), and what must be found of a taken one.

    `shows` are the numbers in its pictures, in order; `facts` are attributes of its ClipFacts.
    """

    path: Path
    verdict: str
    shows: tuple[int, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)


def build(folder: Path) -> list[Sample]:
    """Write the whole corpus into an empty folder."""
    return [*_not_videos(folder), *_broken_videos(folder), *_odd_videos(folder), *_image_folders(folder)]


def _not_videos(folder: Path) -> list[Sample]:
    contents = {
        "empty.mp4": ("empty", b""),
        "notes.mp4": ("disguised", b"Monday: calibrate the left wrist camera.\n" * 40),
        "playlist.mp4": ("disguised", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n"),
        "concat.mkv": ("disguised", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        "program.avi": ("disguised", b"\x7fELF" + bytes(800)),
        "noise.webm": ("disguised", np.random.default_rng(1).bytes(4000)),
        "header_only.mkv": ("corrupt", b"\x1a\x45\xdf\xa3" + bytes(600)),
        "picture.mp4": ("disguised", _png(8, 8, bytes(8 * (1 + 8 * 3)))),
    }
    samples = []
    for name, (verdict, content) in contents.items():
        (folder / name).write_bytes(content)
        samples.append(Sample(folder / name, verdict))
    with zipfile.ZipFile(folder / "archive.mp4", "w") as archive:
        archive.writestr("../../escape.mp4", b"x" * 3000)
    samples.append(Sample(folder / "archive.mp4", "disguised"))
    return samples


def _broken_videos(folder: Path) -> list[Sample]:
    whole = folder / "whole.mp4"
    write_numbered_video(whole, frames=40)
    front = folder / "front.mp4"
    _remux(whole, front, {"movflags": "faststart"})
    matroska, avi = folder / "whole.mkv", folder / "whole.avi"
    _remux(whole, matroska)
    write_numbered_video(avi, frames=40, codec="mpeg4")
    made = {
        "no_moov.mp4": ("truncated", _cut(whole, 0.7)),
        "cut.mp4": ("truncated", _cut(front, 0.7)),
        "cut.mkv": ("truncated", _cut(matroska, 0.7)),
        "cut.avi": ("truncated", _cut(avi, 0.7)),
        "scrambled.mp4": ("corrupt", _scrambled(front)),
        "nothing_shown.mp4": ("no_frames", edited(folder, start=4000)),
        "huge.avi": ("outsized", _huge_jpeg_video(folder)),
    }
    samples = []
    for name, (verdict, content) in made.items():
        (folder / name).write_bytes(content)
        samples.append(Sample(folder / name, verdict))
    _write_sound(folder / "sound.mp4")
    samples.append(Sample(folder / "sound.mp4", "no_video"))
    _write_resized(folder / "resized.avi", folder)
    samples.append(Sample(folder / "resized.avi", "unsupported"))
    write_numbered_video(folder / "old_codec.avi", frames=6, codec="wmv2")
    samples.append(Sample(folder / "old_codec.avi", "unsupported"))
    write_numbered_video(folder / "five_hours.mp4", frames=3, pts=[0.0, 1.0, 18_000.0])
    samples.append(Sample(folder / "five_hours.mp4", "outsized"))
    return samples


def _odd_videos(folder: Path) -> list[Sample]:
    steady = tuple(range(30))
    samples = []

    def taken(name: str, shows: tuple[int, ...] = steady, **facts: object) -> Path:
        samples.append(Sample(folder / name, TAKEN, shows, facts))
        return folder / name

    write_numbered_video(taken("plain.mp4", codec="h264", width=160, height=120, has_b_frames=False), frames=30)
    write_numbered_video(taken("b_frames.mp4", has_b_frames=True, variable_rate=False), frames=30, b_frames=3)
    times = [0.0, 0.02, 0.05, 0.3, 0.31, 1.0, 1.5, 1.52]
    variable = taken("variable.mp4", tuple(range(8)), variable_rate=True, timestamps_synthesised=False)
    write_numbered_video(variable, frames=8, pts=times, b_frames=2)
    write_numbered_video(taken("odd.webm", width=161, height=121), frames=30, width=161, height=121, codec="libvpx-vp9")
    write_numbered_video(taken("odd.mp4", width=161, height=121), frames=30, width=161, height=121)
    taken("rotated.mp4", rotation=90, width=120, height=160).write_bytes(_rotated(folder / "plain.mp4"))
    taken("edited.mp4", tuple(range(10, 30))).write_bytes(edited(folder, start=10))
    _remux(folder / "plain.mp4", taken("fragments.mp4"), {"movflags": "frag_keyframe+empty_moov"})
    _remux(folder / "b_frames.mp4", taken("stream.ts", container="mpegts", has_b_frames=True))
    _remux(folder / "b_frames.mp4", taken("boxes.mkv", container="matroska"))
    write_numbered_video(taken("name with: 'quotes' & ünïcode.mp4"), frames=30)
    write_numbered_video(taken("camera.mov", container="mov", codec="prores"), frames=30, codec="prores_ks")
    write_numbered_video(taken("lossless.mkv", codec="ffv1"), frames=30, codec="ffv1")
    write_numbered_video(taken("motion.avi", codec="mjpeg"), frames=30, codec="mjpeg")
    write_numbered_video(taken("one.mp4", (0,)), frames=1)
    # Matroska counts milliseconds: at this rate several frames share one time.
    write_numbered_video(taken("no_times.mkv", timestamps_synthesised=True), frames=30, fps=2500.0)
    write_numbered_video(taken("reordered.avi", has_b_frames=True), frames=30, codec="mpeg4", b_frames=2)
    return samples


def _image_folders(folder: Path) -> list[Sample]:
    def made(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    def picture(number: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
        return Image.fromarray(draw_numbered_picture(number, *size))

    counted = made("counted")
    for number in range(12):
        picture(number).save(counted / f"frame_{number}.png")
    (counted / "notes.txt").write_text("not a picture")
    turned = made("turned")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    picture(0).rotate(90, expand=True).save(turned / "0.jpg", exif=exif, quality=95)
    mixed = made("mixed")
    picture(0).save(mixed / "0.png")
    picture(1, (96, 66)).save(mixed / "1.png")
    bomb = made("bomb")
    (bomb / "0.png").write_bytes(_png(50_000, 50_000, bytes(1_000_000)))
    disguised = made("disguised")
    (disguised / "0.png").write_bytes(b"GIF89a" + bytes(100))
    cut = made("cut")
    picture(0).save(cut / "0.png")
    (cut / "0.png").write_bytes(_cut(cut / "0.png", 0.5))
    return [
        Sample(counted, TAKEN, tuple(range(12)), {"timestamps_synthesised": True, "container": "images"}),
        Sample(turned, TAKEN, (0,), {"width": 96, "height": 64}),
        Sample(made("nothing"), "no_frames"),
        Sample(mixed, "unsupported"),
        Sample(bomb, "outsized"),
        Sample(disguised, "disguised"),
        Sample(cut, "corrupt"),
    ]


def _cut(path: Path, share: float) -> bytes:
    content = path.read_bytes()
    return content[: int(len(content) * share)]


def _remux(source: Path, target: Path, options: dict[str, str] | None = None) -> None:
    with av.open(str(source)) as read, av.open(str(target), "w", options=options or {}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)


def _scrambled(path: Path) -> bytes:
    """Every box in its place, the pictures' data overwritten from the middle on."""
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    middle = (start + len(content)) // 2
    content[middle:] = np.random.default_rng(2).bytes(len(content) - middle)
    return bytes(content)


def _rotated(path: Path) -> bytes:
    """The track's matrix says: show me turned a quarter clockwise."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    one = 1 << 16
    content[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 120 * one, 0, 1 << 30)
    return bytes(content)


def edited(folder: Path, *, start: int) -> bytes:
    """An edit list that begins at a frame between two key frames, or beyond the end."""
    path = folder / f"edited_from_{start}.mp4"
    write_numbered_video(path, frames=30, b_frames=2)
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 12
    duration, first = struct.unpack_from(">Ii", content, at)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        tick = int(1 / (Fraction(30) * stream.time_base))
    struct.pack_into(">Ii", content, at, max(1, duration - start * duration // 30), first + start * tick)
    return bytes(content)


def _huge_jpeg_video(folder: Path) -> bytes:
    """A small video whose headers and pictures declare 16,000 x 16,000 pixels, 384 MB each."""
    path = folder / "small.avi"
    write_numbered_video(path, frames=3, codec="mjpeg")
    content = bytearray(path.read_bytes())
    at = content.index(b"strf") + 12
    struct.pack_into("<ii", content, at, 16_000, 16_000)
    at = content.find(b"\xff\xc0")
    while at >= 0:
        struct.pack_into(">HH", content, at + 5, 16_000, 16_000)
        at = content.find(b"\xff\xc0", at + 2)
    return bytes(content)


def _write_resized(path: Path, folder: Path) -> None:
    """Two recordings of different size in one stream, as a camera writes when its settings are changed."""
    with av.open(str(path), "w") as written:
        stream = None
        for part, size in enumerate(((160, 120), (192, 128))):
            source = folder / f"part_{part}.avi"
            write_numbered_video(source, frames=12, width=size[0], height=size[1], codec="mjpeg")
            with av.open(str(source)) as read:
                stream = stream or written.add_stream_from_template(read.streams.video[0])
                for packet in read.demux(video=0):
                    if packet.dts is not None:
                        packet.pts = packet.dts = packet.dts + 12 * part
                        packet.stream = stream
                        written.mux(packet)


def _write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _png(width: int, height: int, raw: bytes) -> bytes:
    """A PNG of declared size; its data may be less than that size needs."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
