"""Engines in memory: one model in a process, warm, and fed as many pictures at once as fit.

A model is loaded where it is first used, never before a worker process has been forked: torch's threads do not survive
a fork, and the child would hang in its first computation.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from enrichment import weights
from enrichment.engine import LayerEngine, takes
from enrichment.errors import EngineMissing, EnrichmentError

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

# Of what is free, the share that pictures may take: the model's own buffers are not all in `picture_memory`.
_SHARE: Final = 0.6
_WARM_UP: Final = (256, 320, 3)

_SIZES: dict[tuple[str, Path | None], int] = {}


@dataclass
class _Held:
    key: tuple[str, Path | None]
    model: Any


class _Process:
    """What this process holds: at most one model with weights."""

    turn: Any = threading.RLock()
    held: _Held | None = None
    forked_after_loading: bool = False


def _after_fork() -> None:
    _Process.turn = threading.RLock()  # the parent's may be held by a thread that is not here
    _Process.forked_after_loading = _Process.forked_after_loading or _Process.held is not None
    _Process.held = None


os.register_at_fork(after_in_child=_after_fork)


@dataclass
class InHand:
    """A chosen engine as a layer gets it. Nothing is loaded before it is used.

    name, version: as the manifest names them. parameters: an instance of the engine's Parameters.
    """

    offer: LayerEngine
    folder: Path | None
    name: str
    version: str
    parameters: Any
    needs: type | None = None
    _own: Any = field(default=None, repr=False)

    def over(
        self, items: Iterable[Item], call: Callable[[Any, list[Item]], Sequence[Result]]
    ) -> Iterator[tuple[Item, Result]]:
        """Every item with its result, in order; as many at once as fit into memory, half as many when they do not.

        Args:
            items: pictures, or tuples with one; only those of one call are held.
            call: gets the model and one or more items, and returns one result for each.

        Raises:
            EngineMissing: its packages are not installed.
            EnrichmentError: not even one item fits into memory.
        """
        coming = iter(items)
        left: list[Item] = []
        while True:
            size = self.batch
            left += islice(coming, max(0, size - len(left)))
            if not left:
                return
            few = left[:size]
            found = self._asked(call, few)
            if found is None:
                continue
            if len(found) != len(few):
                raise EnrichmentError(f"{self.offer.title} gave {len(found)} results for {len(few)} pictures.")
            left = left[len(few) :]
            yield from zip(few, found, strict=True)

    @property
    def batch(self) -> int:
        """How many pictures are tried in one go: what was found to fit, or what should."""
        known = _SIZES.get(self._key)
        if known is None:
            each = self.offer.picture_memory
            fits = int(free_memory() * _SHARE) // each if each else self.offer.batch
            known = max(1, min(self.offer.batch, fits))
        return known

    @contextmanager
    def model(self) -> Iterator[Any]:
        """The model itself, loaded and warm; other threads wait until the block ends, unless it is one without weights.

        Raises:
            EngineMissing: its packages are not installed.
            EnrichmentError: it cannot be loaded in this process.
        """
        if self.folder is None:
            # Of this layer alone, and it may be waiting for a service over the network.
            self._own = self._own or self._made()
            yield self._own
            return
        with _Process.turn:
            held = _Process.held
            if held is None or held.key != self._key:
                held = self._load()
            yield held.model

    def _asked(self, call: Callable[[Any, list[Item]], Sequence[Result]], few: list[Item]) -> Sequence[Result] | None:
        try:
            with self.model() as model:
                return call(model, few)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(few) == 1:
                raise EnrichmentError(
                    f"{self.offer.title} needs more memory than there is, even for one picture at a time; "
                    f"{free_memory() / 1e9:.1f} GB are free. Choose a smaller model, or a machine with more."
                ) from error
            _SIZES[self._key] = max(1, len(few) // 2)
            log.warning("%s: %d pictures at once do not fit; half as many from now on.", self.name, len(few))
        # Outside the handler, or the traceback would keep the tensors alive that have to go.
        _let_go()
        return None

    def _load(self) -> _Held:
        if _Process.forked_after_loading:
            raise EnrichmentError(
                "This worker was forked from a process that had loaded a model already, and would hang in its first "
                "computation. Start workers with `--pool solo` or `--pool threads`, or load nothing before they fork."
            )
        if _Process.held is not None:
            _Process.held = None  # before the next one is loaded: two large models may not fit side by side
            _let_go()
        held = _Held(self._key, self._made())
        held.model.rehearse(np.zeros(_WARM_UP, dtype=np.uint8))
        _Process.held = held
        return held

    def _made(self) -> Any:
        make = weights.maker(self.offer.make, self.offer.title, EngineMissing)
        model = make() if self.folder is None else make(self.folder)
        if not takes(model, self.needs):
            raise EnrichmentError(f"{self.offer.title} cannot do what the layer {self.offer.layer} asks of it.")
        return model

    @property
    def _key(self) -> tuple[str, Path | None]:
        return (self.offer.make, self.folder)


def held() -> tuple[str, Path] | None:
    """What makes the model that this process holds, and the folder of its weights."""
    now = _Process.held
    if now is None or now.key[1] is None:
        return None
    return now.key[0], now.key[1]


def forget() -> None:
    """Let go of the model that this process holds, and of the batch sizes it has found."""
    with _Process.turn:
        _SIZES.clear()
        if _Process.held is not None:
            _Process.held = None
            _let_go()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory, on the CPU or on the GPU."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return False
    # On the CPU torch raises a plain RuntimeError, which only its words tell from others.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free_memory() -> int:
    """Bytes free where models run: on the GPU when torch is loaded and has one, else in main memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def _let_go() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
