"""Files that are whole or not there: temporary name, to the disk, hash, rename."""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# How the name of a file begins that is not whole yet.
PART = ".part-"


@dataclass(frozen=True)
class Seal:
    """What was hashed, and how to tell that a file still is that one without reading it.

    Another file that takes its name has another inode; one that is written to has another time of change.
    """

    sha256: str
    bytes: int
    inode: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Hash a file that nobody writes to meanwhile."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            there = os.fstat(file.fileno())
        return cls(digest, there.st_size, there.st_ino, there.st_mtime_ns)

    def fits(self, path: Path) -> bool:
        """Whether the file is the one that was hashed, under whatever name; a copy of it is not."""
        there = path.stat()
        return (there.st_size, there.st_ino, there.st_mtime_ns) == (self.bytes, self.inode, self.changed_ns)


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and length in bytes of a file."""
    seal = Seal.of(path)
    return seal.sha256, seal.bytes


def settle(part: Path, target: Path) -> None:
    """Bring a finished temporary file to the disk and give it its name, which is then on the disk too."""
    give_name(part, target)
    sync_directory(target.parent)


def give_name(part: Path, target: Path) -> None:
    """Bring a finished temporary file to the disk and give it its name; `sync_directory` makes the name last."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def remove_half_written(root: Path, *, older_than: float) -> int:
    """Remove files below a folder that killed workers left untouched for that many seconds; returns how many."""
    limit, removed = time.time() - older_than, 0
    for part in root.rglob(f"{PART}*"):
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < limit:
                part.unlink()
                removed += 1
    return removed


def make_directories(directory: Path) -> None:
    """Make a directory and those above it, each on the disk before the next."""
    if directory.is_dir():
        return
    make_directories(directory.parent)
    directory.mkdir(exist_ok=True)
    sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk; a rename is not safe before that."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def scratch(directory: Path) -> Iterator[Path]:
    """A path for a file that is not whole yet; gone after the block unless it was given its name."""
    make_directories(directory)
    part = directory / f"{PART}{secrets.token_hex(6)}"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a small file whole: a reader sees the old content or the new one."""
    with scratch(path.parent) as part:
        part.write_bytes(data)
        settle(part, path)
