"""Bringing files to the disk beside the work that makes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from annotation.media.durable import sync_directory

# So many files go to the disk in one go: waking the thread for each one would cost the work beside it more than that.
_AT_ONCE: Final = 8
# A go of large files ends earlier.
_HELD_AT_ONCE: Final = 8 << 20
# So many goes, or so many bytes, wait for the disk before the work that makes the files waits too.
_MOST_WAITING: Final = 4
_MOST_HELD: Final = 16 << 20


class Settling:
    """Files on their way to the disk, one after another, beside the work that makes the next ones.

    A file that has its name is whole; when the block ends well, all have their names and the names are on the disk.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="settling")
        self._gathered: list[Callable[[], None]] = []
        self._held = 0
        self._coming: deque[tuple[Future[None], int]] = deque()
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

    def add(self, place: Callable[[], None], directory: Path, held: int = 0) -> None:
        """Have a file placed in a directory; raises what placing an earlier one raised.

        Args:
            place: leaves nothing half-done behind, whatever becomes of it.
            directory: in which it places the file.
            held: bytes of memory that are kept until then.
        """
        self._directories.add(directory)
        self._gathered.append(place)
        self._held += held
        if len(self._gathered) == _AT_ONCE or self._held >= _HELD_AT_ONCE:
            self._send()
            self._wait(_MOST_WAITING, _MOST_HELD)

    def catch_up(self) -> None:
        """Wait until all files have their names; raises what placing one raised."""
        self._send()
        self._wait(0, 0)

    def _send(self) -> None:
        gathered, held, self._gathered, self._held = self._gathered, self._held, [], 0
        if gathered:
            self._coming.append((self._thread.submit(_place, gathered), held))

    def _wait(self, goes: int, most: int) -> None:
        """Until so many goes at most are left, which hold so many bytes at most."""
        while self._coming and (self._coming[0][0].done() or len(self._coming) > goes or self._holds_more(most)):
            self._coming.popleft()[0].result()

    def _holds_more(self, most: int) -> bool:
        """A single go may be as large as it likes: waiting for it, nothing would be done beside it."""
        return len(self._coming) > 1 and sum(held for _, held in self._coming) > most


def _place(files: Sequence[Callable[[], None]]) -> None:
    """Place each, whatever becomes of others; raises when one did."""
    with ExitStack() as last_first:
        for place in reversed(files):
            last_first.callback(place)
