"""JSON written and read value by value: what a layer says of an hour of film is more than a worker should hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

import ijson

_BLOCK: Final = 1 << 18  # bytes that are parsed at a time
Broken = ijson.JSONError


def compact(content: object) -> str:
    """A value without spaces, as layers write their files; raises ValueError where a number is NaN or infinite."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def write_joined(file: BinaryIO, parts: Iterable[str]) -> None:
    """Write the parts of an array or object, with commas between them."""
    for nth, part in enumerate(parts):
        file.write(f"{',' * (nth > 0)}{part}".encode())


def values(file: BinaryIO, prefix: str) -> Iterator[Any]:
    """The values at a place, "annotations.item", one after the other, from the file's beginning.

    Raises:
        Broken: the file is no JSON.
    """
    file.seek(0)
    yield from ijson.items(file, prefix, buf_size=_BLOCK, use_float=True)


def members(file: BinaryIO, prefix: str) -> Iterator[tuple[str, Any]]:
    """The names and values of the object at a place, one after the other, from the file's beginning.

    Raises:
        Broken: the file is no JSON.
        KeyError: there is no object at that place.
    """
    file.seek(0)
    empty = True
    for member in ijson.kvitems(file, prefix, buf_size=_BLOCK, use_float=True):
        empty = False
        yield member
    if empty:
        file.seek(0)
        if (prefix, "start_map") not in ((place, event) for place, event, _ in ijson.parse(file)):
            raise KeyError(prefix)
