"""A delivered folder as one file to download."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from annotation.api.attachments import of_file
from delivery import sums


def of_folder(root: Path) -> Iterator[bytes]:
    """A delivered folder as a tar: every listed file in order, without owner or time, so that equal folders are equal
    archives.
    """
    for relative in sums.lying(root):
        path = root / relative
        yield _header(root, relative, path.stat().st_size)
        yield from of_file(path)
        yield bytes(-path.stat().st_size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def length_of_folder(root: Path) -> int:
    """The bytes that `of_folder` gives."""
    length = 2 * tarfile.BLOCKSIZE
    for relative in sums.lying(root):
        size = (root / relative).stat().st_size
        length += len(_header(root, relative, size)) + size + -size % tarfile.BLOCKSIZE
    return length


def _header(root: Path, relative: str, size: int) -> bytes:
    entry = tarfile.TarInfo(f"{root.name}/{relative}")
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry.tobuf(format=tarfile.PAX_FORMAT)
