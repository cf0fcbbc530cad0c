"""Every export format by name, and what a format must do. The files beside this one are loaded when first asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from delivery import formats
from delivery.dataset import Counts, Dataset
from delivery.errors import BadRequest, DeliveryError, UnknownFormat
from delivery.problems import Drawn, Pick, Problem

EVERYTHING = frozenset(Counts.__slots__)

# Called with the share done (0-1) and what is being done; it may raise, and the format must let that through.
Step = Callable[[float, str], None]


class Format(Protocol):
    """One way to write a dataset into a folder.

    options: the choices of each option, the default first. What `write` writes depends on dataset and options alone:
    no clock, no random number, no path of this machine.
    holds: the names of `Counts` that what is written adds up to; a format of segments alone holds no masks.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    options: ClassVar[Mapping[str, tuple[str, ...]]]
    holds: ClassVar[frozenset[str]]

    def write(self, dataset: Dataset, root: Path, options: Mapping[str, str], step: Step) -> None:
        """Write everything into an empty folder, in memory that does not grow with the frames."""

    def check(self, root: Path, found: dict[str, int]) -> Iterator[Problem]:
        """Read what is there and tell everything that is wrong; count what was found, by the names of `Counts`."""

    def masks_on(self, root: Path, picks: Collection[Pick]) -> Iterator[tuple[Pick, Drawn]]:
        """The masks that the written files hold on some frames."""


class DuplicateFormat(DeliveryError):
    """Two files register the same format name."""


Kind = TypeVar("Kind", bound=type[Format])

_known: dict[str, Format] = {}


def register(kind: Kind) -> Kind:
    """Class decorator: make a format known under its name.

    Raises:
        DuplicateFormat: another file has registered that name.
    """
    there = _known.get(kind.name)
    if there is not None:
        raise DuplicateFormat(
            f"{kind.__module__} registers the format {kind.name!r}, which {type(there).__module__} already has; "
            f"registered are {', '.join(sorted(_known))}."
        )
    _known[kind.name] = kind()
    return kind


def get(name: str) -> Format:
    """The format of that name.

    Raises:
        UnknownFormat: there is none; the known ones are listed.
    """
    _load()
    if name not in _known:
        raise UnknownFormat(f"There is no format {name!r}; there are {', '.join(sorted(_known))}.")
    return _known[name]


def every() -> dict[str, Format]:
    """All formats by name, in alphabetical order."""
    _load()
    return dict(sorted(_known.items()))


def chosen_options(kind: Format, given: Mapping[str, object]) -> dict[str, str]:
    """The options of a format with defaults filled in.

    Raises:
        BadRequest: an option or choice that the format does not have.
    """
    if unknown := sorted(set(given) - set(kind.options)):
        offered = ", ".join(kind.options) or "none"
        raise BadRequest(f"The format {kind.name} has no option {', '.join(unknown)}; it has {offered}.")
    options = {name: str(given.get(name) or choices[0]) for name, choices in kind.options.items()}
    for name, value in options.items():
        if value not in kind.options[name]:
            raise BadRequest(f"{name} is {value!r}; choose one of {', '.join(kind.options[name])}.")
    return options


def counts_of(kind: Format, dataset: Dataset) -> dict[str, int]:
    """How much of a dataset a format writes, by the names of `Counts`; 0 for what it leaves out."""
    return {name: count if name in kind.holds else 0 for name, count in dataset.counts.as_dict().items()}


def no_counts() -> dict[str, int]:
    return dict.fromkeys(Counts.__slots__, 0)


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(formats.__path__):
        importlib.import_module(f"{formats.__name__}.{module.name}")
