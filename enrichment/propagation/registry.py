"""Every carrier by name. The files in enrichment/carriers/ are found and loaded when someone first asks."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

from enrichment import carriers
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


def get(name: str) -> type[Carrier]:
    """The carrier of that name.

    Raises:
        UnknownCarrier: there is none.
    """
    _load()
    if name not in _known:
        raise UnknownCarrier(f"Nothing called {name!r} carries masks; there are {', '.join(sorted(_known))}.")
    return _known[name]


def every() -> dict[str, type[Carrier]]:
    """All carriers by name, in alphabetical order."""
    _load()
    return dict(sorted(_known.items()))


@cache
def _load() -> None:
    # Not at the top: carriers bring OpenCV and perhaps models with them, which a page has no use for.
    for module in pkgutil.iter_modules(carriers.__path__):
        importlib.import_module(f"{carriers.__name__}.{module.name}")
