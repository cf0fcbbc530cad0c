"""What a server process keeps of frames and answers, bounded: embeddings, and masks that clicks will correct."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """The things used last, up to a number of bytes. Who asks for one that is being made waits for that one.

    Args:
        most_bytes: how much is kept; the last thing asked for is kept even when it alone is larger.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._there: OrderedDict[Hashable, T] = OrderedDict()
        self._coming: dict[Hashable, Future[T]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        with self._lock:
            return sum(each.nbytes for each in self._there.values())

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._there

    def find(self, key: Hashable) -> T | None:
        """What is there, or None."""
        with self._lock:
            found = self._there.get(key)
            if found is not None:
                self._there.move_to_end(key)
            return found

    def put(self, key: Hashable, thing: T) -> None:
        """Keep a thing, and let go of those that nobody has used for longest."""
        with self._lock:
            self._there[key] = thing
            self._there.move_to_end(key)
            held = sum(each.nbytes for each in self._there.values())
            while held > self._most and len(self._there) > 1:
                held -= self._there.popitem(last=False)[1].nbytes

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of that key, made if it is not there. What goes wrong in making it reaches all who wait."""
        found = self.find(key)
        if found is not None:
            return found
        with self._lock:
            coming = self._coming.get(key)
            mine = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if not mine:
            return coming.result()
        try:
            made = make()
            self.put(key, made)
            coming.set_result(made)
        except BaseException as error:
            coming.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._coming[key]
        return made


class Ahead:
    """One thread that does the newest wish; wishes that were not begun give way to newer ones."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._wishes: list[Callable[[], object]] = []
        self._running = False

    def want(self, wishes: list[Callable[[], object]]) -> None:
        """Do these, in this order, instead of what has not been begun."""
        with self._lock:
            self._wishes = list(wishes)
            if self._running or not wishes:
                return
            self._running = True
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wishes:
                    self._running = False
                    return
                wish = self._wishes.pop(0)
            try:
                wish()
            except Exception:
                # Nobody waits for it: whoever asks for that frame is told the reason, and the next wish is done.
                log.warning("What was to be seen ahead could not be.", exc_info=True)
