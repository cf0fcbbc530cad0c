"""Which container a file really is, by its first bytes, and whether its tail is there.

FFmpeg guesses formats from names and contents alike, among them playlists that open other files and the network. So the
container is decided here, from a short list, and FFmpeg is told.
"""

from pathlib import Path
from typing import BinaryIO

from annotation.media.errors import MediaRefused

# What we call the container → what FFmpeg's demuxer is called.
DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "matroska": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
}

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_OTHERS = (
    (b"PK\x03\x04", "a zip archive; unpack it, image folders are taken as folders"),
    (b"#EXTM3U", "a playlist, which would fetch other files; bring the video itself"),
    (b"ffconcat", "a playlist, which would fetch other files; bring the video itself"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture; put pictures in a folder and bring the folder"),
    (b"\xff\xd8\xff", "a JPEG picture; put pictures in a folder and bring the folder"),
    (b"GIF8", "a GIF; convert it to MP4"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"OggS", "an Ogg file; convert it to MP4 or WebM"),
    (b"FLV", "a Flash video; convert it to MP4"),
    (b"ID3", "an audio file"),
    (b"\x7fELF", "a program"),
)


def container_of(path: Path) -> str:
    """The container's name: mp4, mov, matroska, webm, avi or mpegts.

    Raises:
        MediaRefused: empty; disguised (something else, whatever its name says); truncated (it says that it is longer).
    """
    size = path.stat().st_size
    if size == 0:
        raise MediaRefused("empty", f"{path.name} is empty: the file has no bytes. Upload it again.")
    with path.open("rb") as file:
        head = file.read(600)
        if head[4:8] in _BOXES:
            _check_boxes(file, path.name, size)
            # QuickTime is older than the brands; what does not say that it is MP4 is taken for QuickTime.
            return "mp4" if head[4:8] == b"ftyp" and head[8:12] != b"qt  " else "mov"
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            _check_segment(head, path.name, size)
            return "webm" if b"webm" in head[:64] else "matroska"
        if head[:4] == b"RIFF" and head[8:11] == b"AVI":
            _check_length(path.name, size, int.from_bytes(head[4:8], "little") + 8)
            return "avi"
        if any(
            len(head) > start + 2 * step and head[start] == head[start + step] == head[start + 2 * step] == 0x47
            for start, step in ((0, 188), (4, 192))
        ):
            return "mpegts"
    raise MediaRefused("disguised", f"{path.name} is not a video: it looks like {_looks_like(head)}.")


def _looks_like(head: bytes) -> str:
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return what
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "text"
    return "none of the formats taken (MP4, MOV, MKV, WebM, AVI, MPEG-TS)"


def _check_length(name: str, size: int, declared: int) -> None:
    if declared > size:
        raise MediaRefused(
            "truncated",
            f"{name} is cut short: it should have {declared:,} bytes and has {size:,}. Copy or upload it again.",
        )


def _check_boxes(file: BinaryIO, name: str, size: int) -> None:
    """Walk the outermost boxes of an MP4: each must end inside the file, and the frames' table must be there."""
    at, described = 0, False
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # to the end of the file
            length = size - at
        if length < 8:
            if described:  # padding after the last box harms nobody
                return
            raise MediaRefused("corrupt", f"{name} is damaged: at byte {at:,} there is no MP4 box where one must be.")
        described = described or kind == b"moov"
        if kind in (b"moov", b"mdat", b"moof") or not described:
            _check_length(name, size, at + length)
        at += length
    if not described:
        raise MediaRefused(
            "truncated",
            f"{name} has no table of its frames (no moov box): the recording or the copy was broken off. "
            "Copy it again, or repair it with the camera's own software.",
        )


def _check_segment(head: bytes, name: str, size: int) -> None:
    """Matroska: the segment after the header says how long it is, unless it was written live."""
    after_header = _vint(head, 4)
    if after_header is None:
        return
    at = after_header[1] + (after_header[0] or 0)
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return
    segment = _vint(head, at + 4)
    if segment is not None and segment[0] is not None:
        _check_length(name, size, segment[1] + segment[0])


def _vint(data: bytes, at: int) -> tuple[int | None, int] | None:
    """An EBML number: its value (None for "unknown") and where it ends."""
    if at >= len(data) or data[at] == 0:
        return None
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big") & ((1 << (7 * length)) - 1)
    return (None if value == (1 << (7 * length)) - 1 else value), at + length
