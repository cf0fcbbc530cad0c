"""Files that are whole or not there: temporary name, to the disk, hash, rename."""

import hashlib
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

# How the name of a file begins that is not whole yet.
PART = ".part-"
# So many files wait for the disk before the work that makes them waits too.
_MOST_WAITING = 32


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and length in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def settle(part: Path, target: Path) -> None:
    """Bring a finished temporary file to the disk and give it its name, which is then on the disk too."""
    give_name(part, target)
    sync_directory(target.parent)


def give_name(part: Path, target: Path) -> None:
    """Bring a finished temporary file to the disk and give it its name; `sync_directory` makes the name last."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


class Settling:
    """Finished files on their way to the disk, one after another, beside the work that makes the next ones.

    A file that has its name is whole; when the block ends well, all have their names and the names are on the disk.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="settling")
        self._coming: deque[Future[None]] = deque()
        self._directories: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        if error is None:
            self.catch_up()
            for directory in self._directories:
                sync_directory(directory)

    def add(self, place: Callable[[], None], directory: Path) -> None:
        """Have a file placed in a directory; raises what placing an earlier one raised."""
        self._directories.add(directory)
        self._coming.append(self._thread.submit(place))
        self._wait(_MOST_WAITING)

    def catch_up(self) -> None:
        """Wait until all files have their names; raises what placing one raised."""
        self._wait(0)

    def _wait(self, left: int) -> None:
        while self._coming and (self._coming[0].done() or len(self._coming) > left):
            self._coming.popleft().result()


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
