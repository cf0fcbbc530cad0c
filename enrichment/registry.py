"""Every layer by name. The files in enrichment/layers/ are found and loaded when someone first asks."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

from enrichment import layers
from enrichment.errors import DuplicateLayer, UnknownLayer
from enrichment.layer import Layer

Kind = TypeVar("Kind", bound=type[Layer])

_known: dict[str, Layer] = {}


def register(kind: Kind) -> Kind:
    """Class decorator: make a layer known under its name.

    Raises:
        DuplicateLayer: another file has registered that name.
    """
    there = _known.get(kind.name)
    if there is not None:
        raise DuplicateLayer(
            f"{kind.__module__} registers the layer {kind.name!r}, which {type(there).__module__} already has; "
            f"registered are {', '.join(sorted(_known))}."
        )
    _known[kind.name] = kind()
    return kind


def get(name: str) -> Layer:
    """The layer of that name.

    Raises:
        UnknownLayer: there is none.
    """
    _load()
    if name not in _known:
        raise UnknownLayer(f"There is no layer {name!r}; there are {', '.join(sorted(_known))}.")
    return _known[name]


def every() -> dict[str, Layer]:
    """All layers by name, in alphabetical order."""
    _load()
    return dict(sorted(_known.items()))


@cache
def _load() -> None:
    # Not at the top: layers bring OpenCV and pyarrow with them, which a page has no use for.
    for module in pkgutil.iter_modules(layers.__path__):
        importlib.import_module(f"{layers.__name__}.{module.name}")
