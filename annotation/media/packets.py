"""A clip's coded packets with the frame each one shows, for a browser that decodes them itself.

Only what can begin to be decoded is handed out: a stretch starts at a key frame and ends with the last packet that one
of its frames needs. Nothing here decodes; whoever does can prove each picture with the frame index's checksum.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from annotation.media.errors import FrameMismatch, MediaError
from annotation.media.frame_index import FrameIndex
from annotation.media.scan import open_video

MAGIC = b"LPK1"
HEADER = struct.Struct("<4sIII")  # magic, first frame, one after the last frame, packets
RECORD = struct.Struct("<iIII")  # frame or -1, CRC-32 of its planes, bytes, flags
KEY = 1
_LEAST = 30  # frames in a stretch, where key frames stand closer than that
_MOST_BYTES = 48 * 2**20
_MOST_PACKETS = 2_000
_BEYOND = 64  # frames past the end after which a packet that did not come will not come
_HIDDEN = -1


@dataclass(frozen=True)
class Stretch:
    """Packets from which frames [start, end) can be decoded, in decoding order.

    frames: per packet the frame that it shows, -1 for one that only others need. keys: where decoding can begin.
    """

    start: int
    end: int
    frames: tuple[int, ...]
    keys: tuple[bool, ...]
    data: tuple[bytes, ...]

    def to_bytes(self, index: FrameIndex) -> bytes:
        """Little-endian: `HEADER`, one `RECORD` a packet, then the packets' bytes one after the other."""
        parts = [HEADER.pack(MAGIC, self.start, self.end, len(self.data))]
        for frame, key, data in zip(self.frames, self.keys, self.data, strict=True):
            crc = 0 if frame == _HIDDEN else int(index.crc32[frame])
            parts.append(RECORD.pack(frame, crc, len(data), KEY if key else 0))
        return b"".join([*parts, *self.data])


def bounds_of(index: FrameIndex, frame: int) -> tuple[int, int]:
    """[start, end) of the stretch that holds a frame: whole groups of pictures, together 30 frames or more."""
    start = index.key_before(frame)
    keys = np.flatnonzero(index.keys)
    after = keys[keys >= max(start + _LEAST, frame + 1)]
    return start, int(after[0]) if after.size else len(index)


def read_stretch(source: Path, index: FrameIndex, frame: int) -> Stretch:
    """The packets that one frame and its neighbours are decoded from.

    Args:
        source: the video file that the index was made from.
        index: its frame index, with times of the source's own.
        frame: 0 to len - 1.

    Raises:
        IndexError: the clip has no such frame.
        MediaError: the file gives no packets for it, or more than a browser should be sent at once.
    """
    if not 0 <= frame < len(index):
        raise IndexError(f"There is no frame {frame}; the clip's frames are 0 to {len(index) - 1}.")
    start, end = bounds_of(index, frame)
    container, _ = open_video(source)
    with container:
        stream = stream_of(container, index, source)
        try:
            if start:
                container.seek(int(index.pts[start]), stream=stream, backward=True, any_frame=False)
            return _collect(_from_key(container, stream, index, start), index, start, end)
        except FFmpegError as error:
            raise MediaError(f"The packets of frame {frame} of {source.name} cannot be read ({error}).") from error


def stream_of(container: InputContainer, index: FrameIndex, source: Path) -> VideoStream:
    """The stream that the index was made from; raises FrameMismatch when it is gone."""
    streams = container.streams
    stream = streams[index.stream] if index.stream < len(streams) else None
    if not isinstance(stream, VideoStream):
        raise FrameMismatch(f"{source.name} is no longer the file that was taken in: its video stream is gone.")
    return stream


def codec_string(stream: VideoStream) -> str:
    """What WebCodecs calls the stream's codec (RFC 6381), or "" for one that browsers do not decode."""
    context = stream.codec_context
    extra = context.extradata or b""
    match context.codec.canonical_name:
        case "h264":
            return _avc(extra)
        case "vp8":
            return "vp8"
        case "vp9":
            profile = re.search(r"\d", str(context.profile or "0"))
            return f"vp09.0{profile.group() if profile else 0}.51.08"
        case "av1":
            return _av1(extra)
    return ""


def description(stream: VideoStream) -> bytes:
    """The decoder's set-up that the container holds, empty where the packets bring it themselves."""
    extra = stream.codec_context.extradata or b""
    carried = stream.codec_context.codec.canonical_name == "h264" and extra[:1] == b"\x01"
    return bytes(extra) if carried else b""


def _frame_of(packet: Packet[VideoStream], index: FrameIndex) -> int:
    if packet.pts is None or packet.is_discard:
        return _HIDDEN
    frame = index.frame_of(packet.pts)
    return _HIDDEN if frame is None else frame


def _from_key(
    container: InputContainer, stream: VideoStream, index: FrameIndex, start: int
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Packets from the key frame on; from the file's first one for frame 0, which an edit list may hide parts of."""
    begun, passed = start == 0, 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        frame = _frame_of(packet, index)
        begun = begun or (packet.is_keyframe and frame == start)
        if begun:
            yield frame, packet
        elif (passed := passed + 1) > _MOST_PACKETS:
            return


def _collect(packets: Iterator[tuple[int, Packet[VideoStream]]], index: FrameIndex, start: int, end: int) -> Stretch:
    missing = set(range(start, end))
    frames: list[int] = []
    keys: list[bool] = []
    data: list[bytes] = []
    size = 0
    for frame, packet in packets:
        size += packet.size
        if len(data) >= _MOST_PACKETS or size > _MOST_BYTES:
            raise MediaError(
                f"Frames {start} to {end - 1} lie in one group of pictures of more than {_MOST_BYTES >> 20} MiB or "
                f"{_MOST_PACKETS:,} packets; ask for the pictures instead."
            )
        frames.append(frame)
        keys.append(bool(packet.is_keyframe))
        data.append(bytes(packet))
        missing.discard(frame)
        if not missing or frame >= end + _BEYOND:
            break
    if not data:
        raise MediaError(f"The file leads to no packets of frame {start}; ask for the pictures instead.")
    return Stretch(start, end, tuple(frames), tuple(keys), tuple(data))


def _avc(extra: bytes) -> str:
    if extra[:1] == b"\x01" and len(extra) >= 4:
        return f"avc1.{extra[1:4].hex()}"
    # Annex B: the three bytes behind the head of the first sequence parameter set.
    found = re.search(rb"\x00\x00\x01[\x07\x27\x47\x67](.{3})", extra, re.DOTALL)
    return f"avc1.{found.group(1).hex()}" if found else ""


def _av1(extra: bytes) -> str:
    if len(extra) < 4 or extra[0] != 0x81:
        return "av01.0.13M.08"
    profile, level, tier = extra[1] >> 5, extra[1] & 31, "H" if extra[2] >> 7 else "M"
    return f"av01.{profile}.{level:02}{tier}.{10 if extra[2] >> 6 & 1 else 8:02}"
