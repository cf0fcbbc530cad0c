"""Every prompt engine by name, found in enrichment/prompters/; an engine's own module is imported when it is chosen.

An engine with weights appears once for each folder of weights: "sam2:sam2.1-hiera-small" is SAM 2 with the weights in
the folder of that name below LOUPE_WEIGHTS.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

from annotation.plugins import Registry, UnknownPlugin
from enrichment import prompters, weights
from enrichment.errors import UnknownPrompter
from enrichment.prompting.prompter import Prompter

DEFAULT: Final = "grabcut"


@dataclass(frozen=True)
class PromptEngine:
    """One way to make masks of prompts.

    name: in the project's setting. title: for people. make: dotted path "module:callable" of what makes the prompter,
    called with the folder of weights where there are any. checkpoints: lists the folders below the weights folder that
    fit, by name; None for an engine without weights. takes_examples: see `Prompt.examples`.
    """

    name: str
    title: str
    make: str
    checkpoints: weights.Checkpoints | None = None
    takes_examples: bool = False


every: Registry[PromptEngine] = Registry("prompt engine", prompters)

_LOADING = threading.Lock()


def register(engine: PromptEngine) -> PromptEngine:
    """Make an engine known under its name.

    Raises:
        DuplicatePlugin: another file has registered that name.
    """
    return every.register(engine.name, engine)


def choices(folder: Path) -> list[tuple[str, str]]:
    """(value of the setting, title) of every engine that works here, with the weights below a folder."""
    return weights.choices(every.every().values(), folder)


def takes_examples(chosen: str) -> bool:
    """Whether the engine that a project has chosen, empty for the default, is there and takes further boxes."""
    engine = every.every().get((chosen or DEFAULT).partition(":")[0])
    return engine is not None and engine.takes_examples


def prompter(chosen: str, folder: Path) -> Prompter:
    """The engine that a project has chosen, ready to work; its weights are loaded once in a process.

    Args:
        chosen: a value of `choices`; empty for the default.
        folder: below which each engine's weights have their own.

    Raises:
        UnknownPrompter: no such engine, or its weights or packages are not on this machine; says what to do.
    """
    with _LOADING:
        return _made(chosen or DEFAULT, folder)


@lru_cache(maxsize=2)
def _made(chosen: str, folder: Path) -> Prompter:
    try:
        engine = every.get(chosen.partition(":")[0])
    except UnknownPlugin as error:
        raise UnknownPrompter(f"{error} A manager chooses one in the project's settings.") from error
    checkpoint = weights.folder(engine, chosen, folder, UnknownPrompter)
    make = weights.maker(engine.make, engine.title, UnknownPrompter)
    return cast(Prompter, make() if checkpoint is None else make(checkpoint))
