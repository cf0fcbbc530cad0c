"""Celery's broker of files, safe for several processes: a message or a table of queues is there whole or not at all.

Kombu's own transport writes a file where others already look for it, so a worker that looks at the wrong moment reads
an empty message and ends. Here a file is written beside and renamed into place, as rename is atomic on one file system.

A disk that is full or away for a moment stops nobody: who reads finds nothing until it is back, who writes is told so
and the ledger tells it again, and the tables are made again from what each process knows.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar, Final

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

# A name that ends in anything else is no message yet, or somebody's already.
_MESSAGE: Final = ".msg"
# Who was killed with one of these in hand left it behind.
_IN_HAND: Final = (".new", ".taken")
_LEFT_AFTER: Final = 3600.0
# Seconds between two lines in the log about a folder that is still away.
_SAY_EVERY: Final = 60.0


class Channel(filesystem.Channel):
    """Kombu's channel with the steps replaced in which processes meet."""

    # What this process has bound: Kombu does so once, and would not notice that a table has gone.
    _known: ClassVar[dict[Path, list[filesystem.exchange_queue_t]]] = {}
    _said_at: ClassVar[float] = -_SAY_EVERY

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for folder in (Path(self.data_folder_in), self.control_folder):
            with suppress(OSError):
                _remove_left(folder)

    # The base class has two signatures for it, which do not agree.
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        # As wide as another, and by a clock that goes on over a restart: they are read in the order of their names.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}"
        _write(Path(self.data_folder_out) / f"{name}{_MESSAGE}", dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        wanted = f"{queue}{_MESSAGE}"
        folder = Path(self.data_folder_in)
        try:
            for file in sorted(folder.iterdir()):
                if file.name.partition(".")[2] == wanted and (taken := _take(file)) is not None:
                    return taken
        except OSError as error:
            # Raised further, it would end the worker; at the next look the folder may be back.
            self._say(folder, error)
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
        raise Empty

    def _say(self, folder: Path, error: OSError) -> None:
        now = time.monotonic()
        if now - Channel._said_at >= _SAY_EVERY:
            Channel._said_at = now
            log.warning("The broker's folder %s cannot be read: %s. It is looked for again.", folder, error)

    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:
        """What is bound to an exchange; where the table is gone or damaged, what this process knows of it."""
        file: Path = self._exchange_file(exchange)
        with suppress(ValueError):
            found: list[filesystem.exchange_queue_t] = super().get_table(exchange)
            if found or file.exists():
                return found
        return list(self._known.get(file, ()))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file: Path = self._exchange_file(exchange)
        bound = _bound(routing_key, pattern, queue)
        with self._alone():
            table = self.get_table(exchange)
            if bound not in table or not file.exists():
                table = [bound, *(each for each in table if each != bound)]
                _write(file, dumps(table))
            self._known[file] = table

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *_: object, **__: object) -> None:
        self._purge(queue)
        bound = _bound(routing_key, pattern, queue)
        with self._alone():
            left = [each for each in self.get_table(exchange) if each != bound]
            _write(self._exchange_file(exchange), dumps(left))
            self._known[self._exchange_file(exchange)] = left

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that changes tables: they are replaced, so a lock on one would hold nobody back.

        Raises:
            ChannelError: the folder is away; Celery tries again.
        """
        try:
            self.control_folder.mkdir(exist_ok=True)
            gate = (self.control_folder / "lock").open("w")
        except OSError as error:
            raise ChannelError(f"The broker's folder {self.control_folder} cannot be used: {error}.") from error
        with gate:
            filesystem.lock(gate, filesystem.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """Kombu's transport over that channel."""

    Channel = Channel


def install() -> None:
    """Take `filesystem://` as this transport, in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"


def _bound(routing_key: str, pattern: str, queue: str) -> filesystem.exchange_queue_t:
    return filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")


def _take(file: Path) -> Any:
    """A message that nobody else gets any more; None when somebody else was quicker, or when it is damaged.

    Raises:
        OSError: the disk is away.
    """
    taken = file.with_name(f"{file.name}.{uuid.uuid4().hex}.taken")
    try:
        file.rename(taken)
    except FileNotFoundError:
        return None
    payload = taken.read_text("utf-8", errors="replace")
    taken.unlink()
    try:
        return loads(payload)
    except ValueError:
        # As a machine may leave it that lost its power. What it told of, the ledger tells again.
        log.warning("A damaged message was thrown away: %s, %d characters.", file.name, len(payload))
        return None


def _remove_left(folder: Path) -> None:
    for file in folder.iterdir():
        # By when it was renamed last: a message may have lain there for long before somebody took it in hand.
        if file.suffix in _IN_HAND and time.time() - file.stat().st_ctime > _LEFT_AFTER:
            file.unlink(missing_ok=True)


def _write(file: Path, text: str) -> None:
    """Have a file there whole.

    Raises:
        ChannelError: the disk does not take it, which Celery meets by trying again.
    """
    beside = file.with_name(f"{uuid.uuid4().hex}.new")
    try:
        with beside.open("w", encoding="utf-8") as sink:
            sink.write(text)
            sink.flush()
            if file.suffix != _MESSAGE:
                os.fsync(sink.fileno())  # a hint may be lost with the power, a table had better not
        beside.replace(file)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ChannelError(f"The broker's folder {file.parent} does not take a message: {error}.") from error
