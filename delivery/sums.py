"""SHA256SUMS: written and read in the format of `sha256sum -c`, strictly, a line at a time."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from annotation.media.durable import sync_directory
from delivery.problems import Problem

SUMS = "SHA256SUMS"
# Exactly what `write` writes: sha256sum itself would also take capitals and a star for binary.
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a delivery: path inside with forward slashes, SHA-256 in hex."""

    path: str
    sha256: str


def lying(root: Path) -> Iterator[str]:
    """Every file below a folder, hidden ones too, in the order of SHA256SUMS; links are told as files."""
    with os.scandir(root) as entries:
        ordered = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in ordered:
        if is_folder:
            yield from (f"{name}/{inside}" for inside in lying(root / name))
        else:
            yield name


def write(root: Path, beat: object = None) -> tuple[int, int]:
    """Hash every file, bring it to the disk, and list it; returns how many files and bytes, the list included.

    Args:
        root: the folder; its list is made anew.
        beat: a callable to be called after each file, or None.
    """
    files = size = 0
    with (root / SUMS).open("w", encoding="utf-8", newline="\n") as sums:
        for relative in lying(root):
            if relative == SUMS:
                continue
            digest, length = _settled(root / relative)
            sums.write(f"{digest}  {relative}\n")
            files, size = files + 1, size + length
            if callable(beat):
                beat()
        sums.flush()
        os.fsync(sums.fileno())
        size += sums.tell()
    for folder, _, _ in os.walk(root):
        sync_directory(Path(folder))
    return files + 1, size


def read(root: Path) -> Iterator[Listed]:
    """The lines of a list.

    Raises:
        ValueError: a line is not as `write` writes it, or is out of order; the sentence names it.
        OSError: there is no list, or it cannot be read.
    """
    last: tuple[str, ...] = ()
    with (root / SUMS).open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                match = _LINE.fullmatch(raw.decode("utf-8"))
            except UnicodeDecodeError:
                match = None
            parts = tuple(match[2].split("/")) if match else ()
            if match is None or parts <= last or {"", ".", ".."} & set(parts):
                raise ValueError(f"Line {number} is damaged or out of order: {raw[:100]!r}.")
            last = parts
            yield Listed(match[2], match[1])


def check(root: Path, beat: object = None) -> Iterator[Problem]:
    """Compare a folder with its list, byte for byte: what is missing, changed, or lies there without being listed."""
    there = (path for path in lying(root) if path != SUMS)
    listed = read(root)
    try:
        path, entry = next(there, None), next(listed, None)
        while path is not None or entry is not None:
            if entry is None or (path is not None and path.split("/") < entry.path.split("/")):
                yield Problem(str(path), "It lies here but is not listed in SHA256SUMS.")
                path = next(there, None)
            elif path is None or path.split("/") > entry.path.split("/"):
                yield Problem(entry.path, "It is listed in SHA256SUMS but is not here.")
                entry = next(listed, None)
            else:
                yield from _same(root, entry)
                path, entry = next(there, None), next(listed, None)
            if callable(beat):
                beat()
    except (ValueError, OSError) as error:
        yield Problem(SUMS, f"The list of files cannot be read. {error}")


def digest_of_list(root: Path) -> str:
    """SHA-256 of the list itself: one number that stands for every byte."""
    return hashlib.sha256((root / SUMS).read_bytes()).hexdigest()


def _same(root: Path, entry: Listed) -> Iterator[Problem]:
    path = root / entry.path
    if path.is_symlink() or not path.is_file():
        yield Problem(entry.path, "It is a link or no ordinary file.")
        return
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        yield Problem(entry.path, f"It cannot be read: {error.strerror}.")
        return
    if digest != entry.sha256:
        yield Problem(entry.path, "Its bytes are not those that were delivered: the SHA-256 differs.")


def _settled(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        # A full disk may show only here.
        os.fsync(file.fileno())
        return digest, file.tell()
