"""Every carrier by name. The files in enrichment/carriers/ are found and loaded when someone first asks."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TypeVar

from enrichment import carriers, weights
from enrichment.errors import DuplicateCarrier, UnknownCarrier
from enrichment.propagation.carrier import Carrier

Kind = TypeVar("Kind", bound=type[Carrier])

DEFAULT = "flow"

_known: dict[str, type[Carrier]] = {}


def register(kind: Kind) -> Kind:
    """Class decorator: make a carrier known under its name.

    Raises:
        DuplicateCarrier: another file has registered that name.
    """
    there = _known.get(kind.name)
    if there is not None:
        raise DuplicateCarrier(
            f"{kind.__module__} registers the carrier {kind.name!r}, which {there.__module__} already has; "
            f"registered are {', '.join(sorted(_known))}."
        )
    _known[kind.name] = kind
    return kind


def get(chosen: str) -> type[Carrier]:
    """The kind of carrier that a setting names.

    Args:
        chosen: its name; for one with weights the folder's after a colon.

    Raises:
        UnknownCarrier: there is none.
    """
    _load()
    name = chosen.partition(":")[0]
    if name not in _known:
        raise UnknownCarrier(f"Nothing called {name!r} carries masks; there are {', '.join(sorted(_known))}.")
    return _known[name]


def every() -> dict[str, type[Carrier]]:
    """All carriers by name, in alphabetical order."""
    _load()
    return dict(sorted(_known.items()))


def choices(folder: Path) -> list[tuple[str, str]]:
    """(value of the setting, title) of every carrier that works here, with the weights below a folder."""
    return weights.choices([kind for kind in every().values() if kind.works_here()], folder)


def carrier(chosen: str, folder: Path) -> Carrier:
    """A carrier for one stretch.

    Args:
        chosen: a value of `choices`.
        folder: below which each engine's weights have their own.

    Raises:
        UnknownCarrier: there is none, or its weights are not on this machine; says what to do.
    """
    kind = get(chosen)
    return kind(weights.folder(kind, chosen, folder, UnknownCarrier))


@cache
def _load() -> None:
    # Not at the top: carriers bring OpenCV and perhaps models with them, which a page has no use for.
    for module in pkgutil.iter_modules(carriers.__path__):
        importlib.import_module(f"{carriers.__name__}.{module.name}")
