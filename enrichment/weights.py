"""Engines that come once for each folder of weights: what a project can choose, and what is missing on this machine.

"sam2:sam2.1-hiera-small" is the engine sam2 with the weights in the folder of that name below LOUPE_WEIGHTS.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from enrichment.errors import RunRefused


class Checkpoints(Protocol):
    """Lists the folders below a folder that hold weights of one kind, by name."""

    def __call__(self, folder: Path, /) -> list[str]: ...


class Engine(Protocol):
    """checkpoints: lists the folders below the weights folder that fit, by name; None for one without weights."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def checkpoints(self) -> Checkpoints | None: ...


def choices(engines: Iterable[Engine], weights: Path) -> list[tuple[str, str]]:
    """(value of the setting, title) of every engine that works here."""
    found: list[tuple[str, str]] = []
    for engine in engines:
        if engine.checkpoints is None:
            found.append((engine.name, engine.title))
        else:
            found += [(f"{engine.name}:{name}", f"{engine.title}, {name}") for name in engine.checkpoints(weights)]
    return found


def folder(engine: Engine, chosen: str, weights: Path, refusal: type[RunRefused]) -> Path | None:
    """Where the weights of the chosen engine lie; None for one without.

    Args:
        chosen: the project's setting, the engine's name and perhaps a folder's.
        refusal: what is raised when they are not there; its sentence says what to do.
    """
    checkpoint = chosen.partition(":")[2]
    if engine.checkpoints is None:
        return None
    if checkpoint not in engine.checkpoints(weights):
        raise refusal(
            f"{engine.title} has no weights {checkpoint!r} below {weights}; lay them there or choose another engine in "
            "the project's settings."
        )
    return weights / checkpoint


def matching(chosen: str, values: Iterable[str]) -> str | None:
    """Which of these engines with their weights a setting means; whoever has one folder that fits means that one."""
    fits = [value for value in values if value == chosen or value.startswith(f"{chosen}:")]
    return chosen if chosen in fits else fits[0] if len(fits) == 1 else None


def maker(path: str, title: str, refusal: type[RunRefused]) -> Any:
    """The callable "module:name" of an engine; `refusal` is raised when a package that it needs is not installed."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise refusal(
            f"{title} needs the package {error.name}, which is not installed; `make models` installs it."
        ) from error
