"""Files that are whole or not there: temporary name, to the disk, hash, rename."""

import hashlib
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

# How the name of a file begins that is not whole yet.
PART = ".part-"
# So many files go to the disk in one go: waking the thread for each one would cost the work beside it more than that.
_AT_ONCE = 8
# So many goes wait for the disk before the work that makes the files waits too.
_MOST_WAITING = 4


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
        self._gathered: list[Callable[[], None]] = []
        self._coming: deque[Future[None]] = deque()
        self._directories: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._send()
        self._thread.shutdown()
        if error is None:
            self.catch_up()
            for directory in self._directories:
                sync_directory(directory)

    def add(self, place: Callable[[], None], directory: Path) -> None:
        """Have a file placed in a directory; raises what placing an earlier one raised."""
        self._directories.add(directory)
        self._gathered.append(place)
        if len(self._gathered) == _AT_ONCE:
            self._send()
            self._wait(_MOST_WAITING)

    def catch_up(self) -> None:
        """Wait until all files have their names; raises what placing one raised."""
        self._send()
        self._wait(0)

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._coming.append(self._thread.submit(_place, gathered))

    def _wait(self, left: int) -> None:
        while self._coming and (self._coming[0].done() or len(self._coming) > left):
            self._coming.popleft().result()


def _place(files: Sequence[Callable[[], None]]) -> None:
    """Place each, whatever becomes of others: it leaves nothing half-done behind; raises when one did."""
    with ExitStack() as last_first:
        for place in reversed(files):
            last_first.callback(place)


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
