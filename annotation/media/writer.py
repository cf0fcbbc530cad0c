"""Writing files that have their name only when they are whole, at once or beside the work that makes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from annotation.media.artifacts import Artifact, PendingPath, Writing
from annotation.media.durable import PART, Seal, give_name, sync_directory
from annotation.media.mirrored import Mirrored
from annotation.media.settling import Settling


class Writer:
    """Writes one clip folder's files: under a temporary name, hashed, brought to the disk, renamed, stored elsewhere.

    Args:
        there: the folder's second home, if it has one.
        listed: whether files have artifacts when they are written. Else they are hashed where they are placed.
    """

    def __init__(self, there: Mirrored | None, *, listed: bool) -> None:
        self._there = there
        self._listed = listed
        self._settling: Settling | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Place the files beside the work inside the block; at its end all are safe, or it raises why one is not."""
        with Settling() as self._settling:
            try:
                yield
            finally:
                self._settling = None

    def catch_up(self) -> None:
        """Wait until what was written so far has its names."""
        if self._settling is not None:
            self._settling.catch_up()

    @contextmanager
    def path(self, relative: str, target: Path, seal: Seal | None) -> Iterator[PendingPath]:
        """A path to write to; see `ClipFolder.writing_path`."""
        pending = _pending(target)
        with _removed_on_error(pending.path):
            yield pending
            # Who writes a listed file is told its hash at once, even where it is placed later.
            if self._listed:
                self._hash(pending, relative, seal)
        self._settle(partial(self._place, pending, target, relative), target.parent)

    def beside(self, relative: str, target: Path, write: Callable[[BinaryIO], object], held: int) -> PendingPath:
        """Have a file opened, written and hashed; see `ClipFolder.write_beside`."""
        pending = _pending(target)

        def whole() -> None:
            with _removed_on_error(pending.path), Writing(pending) as file:
                write(file)
            self._place(pending, target, relative)

        self._settle(whole, target.parent, held)
        return pending

    def _hash(self, pending: PendingPath, relative: str, seal: Seal | None = None) -> None:
        pending.seal = seal if seal is not None and seal.fits(pending.path) else Seal.of(pending.path)
        if self._listed:
            pending.artifact = Artifact(relative, pending.seal.sha256, pending.seal.bytes)

    def _settle(self, place: Callable[[], None], directory: Path, held: int = 0) -> None:
        if self._settling is not None:
            self._settling.add(place, directory, held)
            return
        place()
        sync_directory(directory)

    def _place(self, pending: PendingPath, target: Path, relative: str) -> None:
        with _removed_on_error(pending.path):
            if pending.seal is None:
                self._hash(pending, relative)
            give_name(pending.path, target)
        if self._there is not None:
            self._there.push(target, relative)


def _pending(target: Path) -> PendingPath:
    return PendingPath(target.with_name(f"{PART}{secrets.token_hex(6)}-{target.name}"))


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
