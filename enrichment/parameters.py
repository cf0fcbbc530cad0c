"""What can be set of a layer or an engine: a frozen dataclass with defaults, and how given values become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

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
    known = names(kind)
    try:
        return kind(**{name: value for name, value in given.items() if name in known})
    except (TypeError, ValueError) as error:
        raise RunRefused(f"The parameters of {whose} do not fit: {error}") from error


def refuse_unknown(given: Mapping[str, object], known: set[str], whose: str) -> None:
    """Raises RunRefused when something is given that cannot be set."""
    unknown = sorted(set(given) - known)
    if unknown:
        offered = ", ".join(sorted(known)) or "none"
        raise RunRefused(f"{whose} has no parameter {', '.join(unknown)}; it has {offered}.")


def as_json(parameters: Any) -> dict[str, object]:
    """A parameters dataclass as plain values."""
    return dict(asdict(parameters))
