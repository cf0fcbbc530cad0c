"""The clip folder's video.mp4: the source's own frames in a file that every player opens.

The least change that works is taken: the source's bytes, else its packets in another container, else its pixels coded
without loss. Whatever is written is decoded again, and every frame compared, before it counts.
"""

import shutil
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

from annotation.media import planes, sniff
from annotation.media.decode import FrameReader, Picture
from annotation.media.errors import FrameMismatch, MediaRefused
from annotation.media.frame_index import FrameIndex
from annotation.media.image_folder import crc32_of
from annotation.media.scan import open_video

# What MP4 can carry and browsers and players know to be there.
_CARRIED = frozenset({"h264", "hevc", "vp9", "av1", "mpeg4"})
_FINEST = 90_000  # ticks a second when a source's own clock does not fit


def as_mp4(source: Path, destination: Path, index: FrameIndex) -> str:
    """Write the clip as an MP4 whose frames are the source's, one for one.

    Args:
        source: the video file or folder of pictures.
        destination: a path to write to, best a temporary one; what lies there is replaced.
        index: the source's frame index.

    Returns:
        How: "copied" (byte for byte), "remuxed" (same packets) or "lossless" (H.264 of the upright RGB pixels).

    Raises:
        FrameMismatch: the source is not what the index proves, or what was written is not the same pictures.
    """
    if not index.names and sniff.container_of(source) == "mp4":
        shutil.copyfile(source, destination)
        return "copied"
    if not index.names and not index.synthesised and _remux(source, destination, index):
        return "remuxed"
    _code_lossless(source, destination, index)
    return "lossless"


def _remux(source: Path, destination: Path, index: FrameIndex) -> bool:
    """Move the packets into an MP4; False when it cannot carry them or its frames or times come out otherwise."""
    try:
        decoding_times = _decoding_times(source, index)
        container, _ = open_video(source)
        clock = {"video_track_timescale": str(_clock(index).denominator)}
        with container, av.open(str(destination), "w", format="mp4", options=clock) as written:
            stream = cast(VideoStream, container.streams[index.stream])
            if stream.codec_context.codec.canonical_name not in _CARRIED:
                return False
            target = written.add_stream_from_template(stream)
            packets = (packet for packet in container.demux(stream) if packet.size)
            for packet, decoded_at in zip(packets, decoding_times, strict=True):
                packet.dts = decoded_at
                packet.stream = target
                written.mux(packet)
        _compare(destination, index)
    except (FFmpegError, FrameMismatch, MediaRefused, ValueError):
        return False
    return True


def _decoding_times(source: Path, index: FrameIndex) -> list[int | None]:
    """When each packet is decoded. Matroska leaves the first ones open, which MP4 does not allow."""
    container, _ = open_video(source)
    with container:
        packets = container.demux(container.streams[index.stream])
        times = [(packet.pts, packet.dts) for packet in packets if packet.size]
    told = [dts for _, dts in times]
    shown = [pts for pts, _ in times if pts is not None]
    if None not in told or len(shown) < len(times):
        return told
    # Decoded in the order in which they come, each no later than it is shown.
    ordered = sorted(shown)
    delay = max(due - pts for due, pts in zip(ordered, shown, strict=True))
    return [due - delay for due in ordered]


def _compare(path: Path, index: FrameIndex) -> None:
    """Decode what was written and compare planes and times with the index."""
    container, _ = open_video(path)
    count, first = 0, None
    with container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if count >= len(index):
                raise FrameMismatch(f"{path.name} has more frames than its source.")
            index.check(count, planes.crc32_of(frame))
            at = float((frame.pts or 0) * (frame.time_base or 0))
            first = at if first is None else first
            if abs(at - first - index.seconds[count]) > 0.001:
                raise FrameMismatch(f"Frame {count} of {path.name} is shown at another time than in its source.")
            count += 1
    if count != len(index):
        raise FrameMismatch(f"{path.name} has {count} frames, its source {len(index)}.")


def _code_lossless(source: Path, destination: Path, index: FrameIndex) -> None:
    """Code the pixels as RGB without loss, then decode them again and compare them with those of the source."""
    time_base = _clock(index)
    told: list[int] = []
    clock = {"video_track_timescale": str(time_base.denominator)}
    with FrameReader(source, index) as reader, av.open(str(destination), "w", format="mp4", options=clock) as written:
        stream: VideoStream | None = None
        for number, picture in reader.iterate():
            if stream is None:
                rate = Fraction(_rate(index)).limit_denominator(1001)
                stream = written.add_stream("libx264rgb", rate=rate, options={"qp": "0", "preset": "veryfast"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "rgb24"
                stream.codec_context.time_base = time_base
                stream.codec_context.gop_size = 30
            told.append(crc32_of(picture))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = time_base
            frame.pts = round(index.seconds[number] / float(time_base))
            written.mux(stream.encode(frame))
        if stream is not None:
            written.mux(stream.encode())
    container, _ = open_video(destination)
    count = 0
    with container:
        container.streams.video[0].thread_type = "AUTO"
        for count, decoded in enumerate(container.decode(video=0), start=1):
            if count > len(told) or _checksum(decoded) != told[count - 1]:
                raise FrameMismatch(f"Frame {count - 1} of {destination.name} did not come back as it was written.")
    if count != len(told):
        raise FrameMismatch(f"{destination.name} came back with {count} frames of {len(told)}.")


def _checksum(decoded: av.VideoFrame) -> int:
    return crc32_of(cast(Picture, decoded.to_ndarray(format="rgb24")))


def _rate(index: FrameIndex) -> float:
    """Frames per second over the whole clip; 1 for a single frame."""
    return (len(index) - 1) / float(index.seconds[-1]) if len(index) > 1 else 1.0


def _clock(index: FrameIndex) -> Fraction:
    """The source's own ticks when MP4 can count them, so that times stay exact; fine ones otherwise."""
    own = index.time_base
    return own if own.numerator <= 1001 and own.denominator <= 10**6 else Fraction(1, _FINEST)
