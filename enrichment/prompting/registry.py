"""Every prompt engine by name, found in enrichment/prompters/; an engine's own module is imported when it is chosen.

An engine with weights appears once for each folder of weights: "sam2:sam2.1-hiera-small" is SAM 2 with the weights in
the folder of that name below LOUPE_WEIGHTS.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

from annotation.plugins import Registry, UnknownPlugin
from enrichment import prompters
from enrichment.errors import UnknownPrompter
from enrichment.prompting.prompter import Prompter

DEFAULT: Final = "grabcut"

Checkpoints = Callable[[Path], list[str]]


@dataclass(frozen=True)
class PromptEngine:
    """One way to make masks of prompts.

    name: in the project's setting. title: for people. make: dotted path "module:callable" of what makes the prompter,
    called with the folder of weights where there are any. checkpoints: lists the folders below the weights folder that
    fit, by name; None for an engine without weights.
    """

    name: str
    title: str
    make: str
    checkpoints: Checkpoints | None = None


every: Registry[PromptEngine] = Registry("prompt engine", prompters)

_LOADING = threading.Lock()


def register(engine: PromptEngine) -> PromptEngine:
    """Make an engine known under its name.

    Raises:
        DuplicatePlugin: another file has registered that name.
    """
    return every.register(engine.name, engine)


def choices(weights: Path) -> list[tuple[str, str]]:
    """(value of the setting, title) of every engine that works here."""
    found = []
    for engine in every.every().values():
        if engine.checkpoints is None:
            found.append((engine.name, engine.title))
        else:
            found += [(f"{engine.name}:{name}", f"{engine.title}, {name}") for name in engine.checkpoints(weights)]
    return found


def prompter(chosen: str, weights: Path) -> Prompter:
    """The engine that a project has chosen, ready to work; its weights are loaded once in a process.

    Args:
        chosen: a value of `choices`; empty for the default.
        weights: the folder below which each engine's weights have their own.

    Raises:
        UnknownPrompter: no such engine, or its weights or packages are not on this machine; says what to do.
    """
    with _LOADING:
        return _made(chosen or DEFAULT, weights)


@lru_cache(maxsize=2)
def _made(chosen: str, weights: Path) -> Prompter:
    name, _, checkpoint = chosen.partition(":")
    try:
        engine = every.get(name)
    except UnknownPlugin as error:
        raise UnknownPrompter(f"{error} A manager chooses one in the project's settings.") from error
    if engine.checkpoints is not None and checkpoint not in engine.checkpoints(weights):
        raise UnknownPrompter(
            f"{engine.title} has no weights {checkpoint!r} below {weights}; lay them there or choose another prompt "
            "engine in the project's settings."
        )
    module, _, maker = engine.make.partition(":")
    try:
        make = getattr(importlib.import_module(module), maker)
    except ModuleNotFoundError as error:
        raise UnknownPrompter(
            f"{engine.title} needs the package {error.name}, which is not installed; `make models` installs it."
        ) from error
    return cast(Prompter, make() if engine.checkpoints is None else make(weights / checkpoint))
