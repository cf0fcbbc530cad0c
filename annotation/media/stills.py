"""Stills of frames for the player and for lists, JPEG or lossless PNG, made when asked for and kept in a folder.

Several threads and processes may ask at once: a still appears under its name only when it is whole, and whoever comes
second makes the same one again. The folder is a cache: all of it may be removed at any time.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import cv2

from annotation.media.decode import FrameReader, Picture
from annotation.media.errors import MediaError

THUMBNAIL_SIDE = 320


def still(
    reader: FrameReader,
    cache_dir: Path,
    frame: int,
    *,
    quality: int = 90,
    ahead: int = 24,
    max_side: int | None = None,
    lossless: bool = False,
) -> Path:
    """A frame as a JPEG or PNG file.

    Args:
        reader: of the clip; used only when the still is not there yet.
        cache_dir: a folder of this clip's own; made when it is missing.
        frame: 0-based.
        quality: JPEG quality, 1 to 100.
        ahead: when something must be decoded, so many frames that follow are made too, since a player asks for them
        next.
            A run ends early at a still that is there.
        max_side: the longer side in pixels; larger pictures are scaled down, none up.
        lossless: a PNG with exactly the frame's pixels; quality does not matter then.

    Returns:
        The path of the file; its name holds frame, quality and size.

    Raises:
        IndexError: the clip has no such frame.
        FrameMismatch: see `FrameReader.read`.
    """
    if not 0 <= frame < len(reader):
        raise IndexError(f"There is no frame {frame}; the clip's frames are 0 to {len(reader) - 1}.")
    wanted = still_path(cache_dir, frame, quality=quality, max_side=max_side, lossless=lossless)
    if wanted.is_file():
        with suppress(OSError):
            os.utime(wanted)  # recently used: pruned last
        return wanted
    cache_dir.mkdir(parents=True, exist_ok=True)
    for number, picture in reader.iterate(frame, min(frame + 1 + ahead, len(reader))):
        path = still_path(cache_dir, number, quality=quality, max_side=max_side, lossless=lossless)
        if number > frame and path.is_file():
            break
        _write(path, _fit(picture, max_side), quality)
    return wanted


def still_path(
    cache_dir: Path, frame: int, *, quality: int = 90, max_side: int | None = None, lossless: bool = False
) -> Path:
    """Where a still lies once it is made; a server may look there before it opens the clip."""
    side = f"-{max_side}" if max_side else ""
    return cache_dir / (f"{frame:06}{side}.png" if lossless else f"{frame:06}-q{quality}{side}.jpg")


def thumbnail(reader: FrameReader, cache_dir: Path, frame: int | None = None) -> Path:
    """A small still, 320 pixels at the longer side; by default of a frame a third into the clip, past the fade-in."""
    frame = len(reader) // 3 if frame is None else frame
    return still(reader, cache_dir, frame, quality=80, ahead=0, max_side=THUMBNAIL_SIDE)


def prune(cache_dir: Path, max_bytes: int) -> int:
    """Remove the stills that were not asked for longest until the folder, sub-folders included, is small enough.

    Args:
        cache_dir: the folder.
        max_bytes: what may stay.

    Returns:
        The bytes removed.
    """
    kept = []
    for path in (*cache_dir.rglob("*.jpg"), *cache_dir.rglob("*.png")):
        with suppress(FileNotFoundError):  # someone else prunes too
            stat = path.stat()
            kept.append((stat.st_mtime, stat.st_size, path))
    total, removed = sum(size for _, size, _ in kept), 0
    for _, size, path in sorted(kept):
        if total - removed <= max_bytes:
            break
        path.unlink(missing_ok=True)
        removed += size
    return removed


def _fit(picture: Picture, max_side: int | None) -> Picture:
    longer = max(picture.shape[:2])
    if max_side is None or longer <= max_side:
        return picture
    size = [max(1, round(side * max_side / longer)) for side in (picture.shape[1], picture.shape[0])]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(picture.dtype, copy=False)


def _write(path: Path, picture: Picture, quality: int) -> None:
    # The fastest compression: a person waits for the picture, and it is kept on this machine only.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    coded, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not coded:
        raise MediaError(f"{path.name} could not be coded as a picture.")
    # No fsync: a still that a power cut swallows is made again.
    part = path.with_name(f".part-{secrets.token_hex(6)}")
    try:
        part.write_bytes(data.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
