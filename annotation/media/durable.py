"""Files that are whole or not there: temporary name, to the disk, hash, rename."""

import hashlib
import os
import secrets
from pathlib import Path


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and length in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def settle(part: Path, target: Path) -> tuple[str, int]:
    """Bring a finished temporary file to the disk, hash it, give it its name; returns hash and length."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    digest, size = digest_of(part)
    part.replace(target)
    sync_directory(target.parent)
    return digest, size


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


def replace_file(path: Path, data: bytes) -> None:
    """Write a small file whole: a reader sees the old content or the new one."""
    part = path.with_name(f".part-{secrets.token_hex(6)}-{path.name}")
    try:
        part.write_bytes(data)
        settle(part, path)
    finally:
        part.unlink(missing_ok=True)
