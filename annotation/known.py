"""What was worked out before and need not be again: figures of things that never change, the oldest going first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Known(Generic[K, V]):
    """Values by key, so many at most. Keys must say all that a value depends on, for nothing is ever taken back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def add(self, key: K, value: V) -> V:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def of(self, key: K, work_out: Callable[[], V]) -> V:
        """The value of a key, worked out when it is asked for the first time; it must not be None."""
        known = self._values.get(key)
        return self.add(key, work_out()) if known is None else known
