"""Plug-ins by name: one new file in a package that registers itself, and nothing else is edited."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Generic, TypeVar

T = TypeVar("T")


class DuplicatePlugin(Exception):
    """Two files register the same name."""


class UnknownPlugin(Exception):
    """No file registers this name; the message lists those that there are."""


class Registry(Generic[T]):
    """The plug-ins of one kind. The package's modules are imported when the first name is asked for."""

    def __init__(self, noun: str, package: ModuleType) -> None:
        """`noun` is what people call a plug-in of this kind, such as "export format"."""
        self._noun = noun
        self._package = package
        self._known: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str, plugin: T) -> T:
        """Make a plug-in known.

        Raises:
            DuplicatePlugin: another one has that name.
        """
        if name in self._known:
            raise DuplicatePlugin(
                f"There are two plug-ins for the {self._noun} {name!r}: {self._known[name]!r} and {plugin!r}; "
                f"registered are {', '.join(sorted(self._known))}."
            )
        self._known[name] = plugin
        return plugin

    def get(self, name: str) -> T:
        """The plug-in of that name.

        Raises:
            UnknownPlugin: there is none; the known ones are listed.
        """
        known = self.every()
        if name not in known:
            raise UnknownPlugin(f"There is no {self._noun} {name!r}; there are {', '.join(known)}.")
        return known[name]

    def every(self) -> dict[str, T]:
        """All plug-ins by name, in alphabetical order."""
        if not self._loaded:
            for module in pkgutil.iter_modules(self._package.__path__):
                importlib.import_module(f"{self._package.__name__}.{module.name}")
            self._loaded = True
        return dict(sorted(self._known.items()))
