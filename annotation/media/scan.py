"""Look through a video once, frame by frame; from outside always through `probe.inspect`, which guards it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import PictureType
from av.video.stream import VideoStream

from annotation.geometry import timebase
from annotation.media import planes
from annotation.media.errors import MediaRefused
from annotation.media.facts import ClipFacts, Limits
from annotation.media.frame_index import FrameIndex
from annotation.media.sniff import DEMUXERS, container_of

_CAMERAS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "msmpeg4v3", "mpeg2video", "mpeg1video")
_STUDIOS = ("mjpeg", "prores", "dnxhd", "ffv1", "huffyuv")
CODECS = frozenset({*_CAMERAS, *_STUDIOS})
# Files only, and only this one: no playlists, no data references to elsewhere.
_OPENING = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0", "max_streams": "64"}
_DEFAULT_RATE = Fraction(30)

Progress = Callable[[int, int], None]


@dataclass
class _Seen:
    """What decoding has shown so far."""

    pts: list[int | None] = field(default_factory=list)
    crc32: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    rotation: int = 0
    pixel_format: str = ""
    b_frames: bool = False
    packets: int = 0


def open_video(path: Path) -> tuple[InputContainer, str]:
    """Open a file as the container that its bytes say it is.

    Returns:
        The open container and our name for its kind.

    Raises:
        MediaRefused: it is none, or not readable as one.
    """
    kind = container_of(path)
    try:
        container = av.open(f"file:{path}", format=DEMUXERS[kind], options=_OPENING, metadata_errors="replace")
    except FFmpegError as error:
        raise MediaRefused("corrupt", f"{path.name} cannot be opened as {kind}: {_said(error)}.") from error
    return container, kind


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The moving picture of a container: the one FFmpeg thinks best, never a cover picture.

    Raises:
        MediaRefused: there is none.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise MediaRefused("no_video", f"{name} has no video in it, only sound or other data.")
    best = container.streams.best("video")
    return best if isinstance(best, VideoStream) and best in moving else moving[0]


def scan(path: Path, *, limits: Limits, progress: Progress) -> ClipFacts:
    """Decode every frame once, in the order in which a player shows them.

    Args:
        path: the video file.
        limits: sizes are checked on what is declared first, then on what comes.
        progress: called with (frames done, frames estimated or 0).

    Returns:
        The facts with the frame index.

    Raises:
        MediaRefused: see `annotation.media.errors`.
    """
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise MediaRefused("outsized", f"{path.name} has {size:,} bytes; at most {limits.max_bytes:,} are taken.")
    container, kind = open_video(path)
    with container:
        stream = video_stream(container, path.name)
        expected = _check_declared(container, stream, path.name, limits)
        stream.thread_type = "AUTO"
        seen = _Seen()
        for frame in _frames(container, stream, seen, path.name):
            _note(frame, seen, path.name, limits)
            if len(seen.crc32) % 25 == 0:
                progress(len(seen.crc32), expected)
        _check_seen(seen, path.name)
        index = _index(seen, stream)
        _check_seconds(float(index.seconds[-1]), path.name, limits)
        codec = _codec(stream)
    progress(len(index), len(index))
    return _facts(seen, index, codec=codec, kind=kind, size=size)


def _facts(seen: _Seen, index: FrameIndex, *, codec: str, kind: str, size: int) -> ClipFacts:
    width, height = seen.size if seen.rotation % 180 == 0 else seen.size[::-1]
    seconds = index.seconds
    return ClipFacts(
        width=width,
        height=height,
        rotation=seen.rotation,
        codec=codec,
        container=kind,
        pixel_format=seen.pixel_format,
        fps=timebase.nominal_fps(seconds),
        variable_rate=timebase.is_variable(seconds, tick=max(0.001, float(index.time_base))),
        timestamps_synthesised=index.synthesised,
        duration=timebase.span(seconds, 0, len(seconds))[1],
        has_b_frames=seen.b_frames,
        bytes=size,
        index=index,
    )


def _codec(stream: VideoStream) -> str:
    return stream.codec_context.codec.canonical_name


def _check_declared(container: InputContainer, stream: VideoStream, name: str, limits: Limits) -> int:
    """Refuse by what the file says of itself, before anything is decoded; returns the frames to expect, or 0."""
    codec = _codec(stream)
    if codec not in CODECS:
        raise MediaRefused("unsupported", f"{name} is coded as {codec}, which is not taken; convert it to H.264.")
    context = stream.codec_context
    _check_size(context.width, context.height, name, limits)
    seconds = (container.duration or 0) / av.time_base
    _check_seconds(seconds, name, limits)
    rate = stream.average_rate or stream.guessed_rate
    expected = stream.frames or int(seconds * (rate or 0))
    if stream.frames > limits.max_frames:
        raise MediaRefused(
            "outsized", f"{name} holds {stream.frames:,} frames; at most {limits.max_frames:,} are taken."
        )
    return expected


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise MediaRefused(
            "outsized",
            f"{name} has pictures of {width} x {height} pixels; at most {limits.max_pixels:,} are taken. Scale down.",
        )


def _check_seconds(seconds: float, name: str, limits: Limits) -> None:
    if seconds > limits.max_seconds:
        raise MediaRefused(
            "outsized",
            f"{name} is {seconds / 60:,.0f} minutes long; at most {limits.max_seconds / 60:,.0f} are taken. Cut it up.",
        )


def _frames(container: InputContainer, stream: VideoStream, seen: _Seen, name: str) -> Iterator[av.VideoFrame]:
    """Every frame that a player shows: the demuxer applies edit lists, the decoder puts frames in order."""
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise _damaged(name, len(seen.crc32), "the container marks a part of it as broken")
            if packet.size and not packet.is_discard:
                seen.packets += 1
            yield from packet.decode()
    except FFmpegError as error:
        raise _damaged(name, len(seen.crc32), _said(error)) from error


def _note(frame: av.VideoFrame, seen: _Seen, name: str, limits: Limits) -> None:
    number = len(seen.crc32)
    if frame.is_corrupt:
        raise _damaged(name, number, "the picture cannot be decoded whole")
    if number >= limits.max_frames:
        raise MediaRefused("outsized", f"{name} has more than {limits.max_frames:,} frames, the most that are taken.")
    size, turn = (frame.width, frame.height), planes.clockwise(frame)
    if number == 0:
        _check_size(*size, name, limits)
        seen.size, seen.rotation, seen.pixel_format = size, turn, frame.format.name
    elif size != seen.size or turn != seen.rotation:
        raise MediaRefused(
            "unsupported",
            f"The picture of {name} changes from {seen.size[0]} x {seen.size[1]} to {size[0]} x {size[1]} "
            f"at frame {number}; split the file there.",
        )
    seen.pts.append(frame.pts)
    seen.crc32.append(planes.crc32_of(frame))
    seen.keys.append(bool(frame.key_frame))
    seen.b_frames = seen.b_frames or frame.pict_type == PictureType.B


def _check_seen(seen: _Seen, name: str) -> None:
    frames = len(seen.crc32)
    if frames == 0:
        why = (
            "none of its packets can be decoded" if seen.packets else "it declares a video but holds no picture to show"
        )
        raise MediaRefused("no_frames", f"{name} has no frames: {why}.")
    # One packet is one frame, but for a few at the ends and hidden ones; far fewer means that the decoder gave up.
    if frames < 0.9 * seen.packets - 2:
        raise MediaRefused(
            "corrupt", f"Only {frames} of about {seen.packets} frames of {name} can be decoded; the file is damaged."
        )


def _index(seen: _Seen, stream: VideoStream) -> FrameIndex:
    told = [pts for pts in seen.pts if pts is not None]
    pts = np.array(told, dtype=np.int64)
    time_base = stream.time_base or Fraction(1, 1000)
    synthesised = len(told) < len(seen.pts) or bool(np.any(np.diff(pts) <= 0))
    if synthesised:
        pts, time_base = _even_times(len(seen.pts), stream)
    return FrameIndex(
        pts=pts,
        time_base=time_base,
        crc32=np.array(seen.crc32, dtype=np.uint32),
        keys=np.array(seen.keys, dtype=bool),
        synthesised=synthesised,
        stream=stream.index,
    )


def _even_times(count: int, stream: VideoStream) -> tuple[npt.NDArray[np.int64], Fraction]:
    """Times made from the declared rate, for a source that has none or whose times run backwards."""
    rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
    if not 1 <= rate <= 1000:
        rate = _DEFAULT_RATE
    return np.arange(count, dtype=np.int64), 1 / Fraction(rate)


def _damaged(name: str, frame: int, why: str) -> MediaRefused:
    return MediaRefused("corrupt", f"{name} is damaged at frame {frame}: {why}. Copy or export it again.")


def _said(error: FFmpegError) -> str:
    return (error.strerror or type(error).__name__).rstrip(".").lower()
