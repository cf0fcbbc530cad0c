"""JSON objects with long arrays, written and read an element at a time, so that a million masks take no memory."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_SPACE = " \t\r\n"
_ENDS = {*_SPACE, ",", ":", "]", "}"}
_PIECE = 1 << 16


class JsonError(ValueError):
    """The file is not a JSON object; the message says where it stops being one."""


def line(value: object) -> str:
    """The one form in which values are written: sorted keys, no spaces, so that equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class ObjectWriter:
    """Writes one JSON object field by field; arrays take one line an element."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first = True

    def __enter__(self) -> ObjectWriter:
        self._file: IO[str] = self._path.open("x", encoding="utf-8", newline="\n")
        self._file.write("{\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.write("\n}\n")
        self._file.close()

    def field(self, name: str, value: object) -> None:
        self._name(name)
        self._file.write(line(value))

    def array(self, name: str, values: Iterable[object]) -> int:
        """Write an array from anything that can be walked once; returns its length."""
        return self.pieces(name, ([line(value)] for value in values))

    def pieces(self, name: str, elements: Iterable[Iterable[str]]) -> int:
        """As `array`, for elements too long to be held at once: each comes as pieces of JSON text."""
        self._name(name)
        self._file.write("[")
        count = 0
        for element in elements:
            self._file.write(",\n" if count else "\n")
            for piece in element:
                self._file.write(piece)
            count += 1
        self._file.write("\n]" if count else "]")
        return count

    def mapping(self, name: str, pairs: Iterable[tuple[str, object]]) -> None:
        """Write an object field from pairs that can be walked once, a line each."""
        self._name(name)
        self._file.write("{")
        for place, (key, value) in enumerate(pairs):
            self._file.write(f"{',' if place else ''}\n{json.dumps(key)}:{line(value)}")
        self._file.write("\n}")

    def _name(self, name: str) -> None:
        self._file.write(f"{'' if self._first else ',' + chr(10)}{json.dumps(name)}:")
        self._first = False


def elements(path: Path, *, mappings: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Walk a JSON object: (name, value) for each field, but (name, element) for each element of a field's array.

    Fields named in `mappings` are objects to be walked too, as (name, (key, value)). Empty ones give nothing. However
    the file is laid out, only one element is in memory.

    Raises:
        JsonError: the file is not one JSON object, with the place.
        OSError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Scanner(file).fields(mappings)
    except UnicodeDecodeError as error:
        raise JsonError(f"{path.name} is not UTF-8 ({error.reason} at byte {error.start} of a piece).") from error
    except JsonError as error:
        raise JsonError(f"{path.name} is not readable JSON: {error}") from error


class _Scanner:
    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._passed = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def fields(self, mappings: Collection[str]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for name in self._names():
            if name in seen:
                raise JsonError(f"the field {name!r} is there twice.")
            seen.add(name)
            if self._peek() == "[":
                yield from ((name, element) for element in self._array())
            elif self._peek() == "{" and name in mappings:
                yield from ((name, (key, self._value())) for key in self._names())
            else:
                yield name, self._value()
        if self._peek():
            raise JsonError(f"something follows the object at character {self._passed + self._at}.")

    def _names(self) -> Iterator[str]:
        """The names of an object, each given when its value comes next."""
        self._take("{")
        if self._peek() == "}":
            self._take("}")
            return
        while True:
            name = self._value()
            if not isinstance(name, str):
                raise JsonError(f"{str(name)[:40]!r} stands where a field's name must.")
            self._take(":")
            yield name
            if self._take(",}") == "}":
                return

    def _array(self) -> Iterator[Any]:
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            yield self._value()
            if self._take(",]") == "]":
                return

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self, wanted: str) -> str:
        found = self._peek()
        if not found or found not in wanted:
            place = self._passed + self._at
            raise JsonError(f"expected one of {' '.join(wanted)} at character {place}, found {found or 'the end'!r}.")
        self._at += 1
        return found

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                # A number may go on in the next piece ("-0" may become "-0.5"): only what ends a value shows it whole.
                if self._ended or self._text[end : end + 1] in _ENDS:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    raise JsonError(f"{error.msg} at character {self._passed + error.pos}.") from error
            self._more()

    def _more(self) -> bool:
        if self._ended:
            return False
        # Reading as much again as is held keeps a long value from being tried too often.
        piece = self._file.read(max(_PIECE, len(self._text) - self._at))
        self._ended = not piece
        self._passed += self._at
        self._text = self._text[self._at :] + piece
        self._at = 0
        return bool(piece)
