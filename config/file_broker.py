"""Celery's broker of files, safe for several processes: a message or a table of queues is there whole or not at all.

Kombu's own transport writes a file where others already look for it, so a worker that looks at the wrong moment reads
an empty message and ends. Here a file is written beside and renamed into place, as rename is atomic on one file system.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any, Final

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

# A name that ends in anything else is no message yet, or somebody's already.
_MESSAGE: Final = ".msg"


class Channel(filesystem.Channel):
    """Kombu's channel with the steps replaced in which processes meet."""

    # The base class has two signatures for it, which do not agree.
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}"
        _write(Path(self.data_folder_out) / f"{name}{_MESSAGE}", dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        wanted = f"{queue}{_MESSAGE}"
        for file in sorted(Path(self.data_folder_in).iterdir()):
            if file.name.partition(".")[2] != wanted:
                continue
            taken = file.with_name(f"{file.name}.{uuid.uuid4().hex}.taken")
            try:
                file.rename(taken)
            except FileNotFoundError:
                continue  # Another worker was quicker.
            payload = taken.read_text("utf-8")
            taken.unlink()
            return loads(payload)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file: Path = self._exchange_file(exchange)
        file.parent.mkdir(exist_ok=True)
        bound = _bound(routing_key, pattern, queue)
        with self._alone():
            table = self.get_table(exchange)
            if bound not in table:
                _write(file, dumps([bound, *table]))

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *_: object, **__: object) -> None:
        self._purge(queue)
        bound = _bound(routing_key, pattern, queue)
        with self._alone():
            table = self.get_table(exchange)
            if bound in table:
                _write(self._exchange_file(exchange), dumps([each for each in table if each != bound]))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that changes tables: they are replaced, so a lock on one would hold nobody back."""
        with (self.control_folder / "lock").open("w") as gate:
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


def _write(file: Path, text: str) -> None:
    """Have a file there whole.

    Raises:
        ChannelError: the disk does not take it, which Celery meets by trying again.
    """
    beside = file.with_name(f"{uuid.uuid4().hex}.new")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ChannelError(f"The broker's folder {file.parent} does not take a message: {error}.") from error
