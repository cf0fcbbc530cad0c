"""What can be set of a layer or an engine: a frozen dataclass with defaults, and how given values become one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from enrichment.errors import RunRefused


@dataclass(frozen=True)
class NoParameters:
    """For what has nothing to set."""


def names(kind: type) -> set[str]:
    """What can be set."""
    return {each.name for each in fields(kind)}


def filled(kind: type, given: Mapping[str, object], whose: str) -> Any:
    """Parameters with some set otherwise than by default; those that the dataclass does not have are left out.

    Raises:
        RunRefused: a value does not fit.
    """
    hints = _hints(kind)
    chosen = {name: value for name, value in given.items() if name in hints}
    for name, value in chosen.items():
        if not _fits(value, hints[name]):
            raise RunRefused(
                f"The parameters of {whose} do not fit: {name} is {value!r}, but it must be {_words(hints[name])}."
            )
    try:
        return kind(**chosen)
    except (TypeError, ValueError, AttributeError) as error:
        raise RunRefused(f"The parameters of {whose} do not fit: {error}") from error


def refuse_beyond(parameters: Any, *, least: Mapping[str, float] | None = None, shares: Collection[str] = ()) -> None:
    """For a `__post_init__`: every number is `least` or more, 0 where that does not say; a share is 1 at most.

    A class names its own fields; those of a subclass the subclass names, after those of its base.

    Raises:
        ValueError: one is not.
        LookupError: a field is named that is not there, so that nothing would hold it to anything.
    """
    if missing := {*(least or {}), *shares} - names(type(parameters)):
        raise LookupError(f"{type(parameters).__name__} has no {', '.join(sorted(missing))}; name what is there.")
    for each in fields(parameters):
        value, low = getattr(parameters, each.name), (least or {}).get(each.name, 0)
        if not isinstance(value, int | float):
            continue
        if each.name in shares and not 0 <= value <= 1:
            raise ValueError(f"{each.name} is {value}, but it must lie in 0 to 1.")
        if not value >= low:
            raise ValueError(f"{each.name} is {value}, but it must be {low} or more.")


def refuse_unknown(given: Mapping[str, object], known: set[str], whose: str) -> None:
    """Raises RunRefused when something is given that cannot be set."""
    unknown = sorted(set(given) - known)
    if unknown:
        offered = ", ".join(sorted(known)) or "none"
        raise RunRefused(f"{whose} has no parameter {', '.join(unknown)}; it has {offered}.")


def as_json(parameters: Any) -> dict[str, object]:
    """A parameters dataclass as plain values."""
    return dict(asdict(parameters))


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The type of each parameter, by name."""
    known = get_type_hints(kind)
    return {name: known[name] for name in names(kind)}


def _fits(value: object, hint: Any) -> bool:
    """Whether a value out of JSON is of a type; lists stand for tuples, and a number is finite."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in {Union, UnionType}:
        return any(_fits(value, each) for each in inner)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float) and _is_finite(value)
    if origin is not None and issubclass(origin, Mapping):
        # What the entries are, the dataclass says better than their type does.
        return isinstance(value, Mapping) and _is_finite(value)
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and all(_fits(each, inner[0]) for each in value)
    return isinstance(value, hint)


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_finite(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(each) for each in value)
    try:
        return not isinstance(value, int | float) or isfinite(value)
    except OverflowError:
        return False  # a whole number that no float holds


def _words(hint: Any) -> str:
    """What fits, for a person."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return " or ".join(_words(each) for each in inner)
    if origin is not None and issubclass(origin, Mapping):
        return "a mapping of names, with finite numbers"
    if origin is not None and issubclass(origin, Sequence):
        return f"a list, each entry {_words(inner[0])}"
    return _WORDS.get(hint, str(hint))


_WORDS = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "true or false",
    NoneType: "nothing",
}
