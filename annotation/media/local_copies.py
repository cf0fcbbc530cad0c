"""How much of the clip folders one machine holds, where a mirror has all of them: what was unused for longest goes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from annotation.media import versions
from annotation.media.artifacts import Mirror
from annotation.media.clip_folder import MANIFEST, ClipFolder


class _Use(NamedTuple):
    """When a folder's files were last read or written, seconds since 1970, and how many bytes they are."""

    at: float
    bytes: int


def make_room(roots: Iterable[Path], mirror: Mirror, *, most: int, idle: float) -> int:
    """Remove local files of folders, those unused for longest first, until so much is left. They are fetched again.

    Args:
        roots: clip folders of this machine. Versions that are kept in them count as folders of their own.
        mirror: what also has them; what it lacks stays.
        most: bytes that may lie in all of them together.
        idle: seconds; what was used since stays, and all may then take more. More than a day: many disks note only once
            a day that a file was read.

    Returns:
        Bytes that were removed.
    """
    folders = [each for root in roots for each in (root, *versions.within(root))]
    uses = sorted((_use(root), root) for root in folders)
    there, freed, before = sum(use.bytes for use, _ in uses), 0, time.time() - idle
    for use, root in uses:
        if there - freed <= most or use.at > before:
            break
        freed += ClipFolder(root, mirror).let_go()
    return freed


def _use(root: Path) -> _Use:
    at, size = 0.0, 0
    for path in _files(root):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue  # somebody has replaced it since
        at, size = max(at, facts.st_atime, facts.st_mtime), size + facts.st_size
    return _Use(at, size)


def _files(root: Path) -> Iterator[Path]:
    """What may be removed; a manifest, and what says whose it is, every page reads."""
    for directory, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(directory) / name for name in names if name != MANIFEST and not name.startswith("."))
