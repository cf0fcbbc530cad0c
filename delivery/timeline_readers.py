"""What a reader of foreign action segments gives, and the readers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from annotation.plugins import Registry
from delivery import timelines
from delivery.errors import BadRequest


class Unreadable(BadRequest):
    """The file is not what it was said to be; the message names the place."""


@dataclass(frozen=True)
class ReadSegment:
    """One segment as a file tells it: frames `[start, end)`, words as they stand there.

    name: the class, in the words of the file; it is matched with the taxonomy later. where: the place in the file, for
    the sentence that says what is wrong there. level: "task", "primitive", or empty where the file does not say.
    object_track and hand_track: numbers of mask tracks; hand_side and outcome: as a segment has them, or empty.
    """

    start: int
    end: int
    name: str
    where: str
    level: str = ""
    phase: str = ""
    instructions: tuple[str, ...] = ()
    confidence: float | None = None
    object_name: str = ""
    object_track: int | None = None
    hand_side: str = ""
    hand_track: int | None = None
    outcome: str = ""


@dataclass(frozen=True)
class ClipFacts:
    """What a reader may know of the clip: names by which a file may call it, and when each frame appears.

    seconds: (frame_count,) float64 presentation times.
    """

    names: Sequence[str]
    seconds: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reader:
    """read: bytes of a file to segments in the order of the file; raises `Unreadable`.

    endings: lower-case file name endings by which the format is guessed.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    read: Callable[[bytes, ClipFacts], list[ReadSegment]]
    options: tuple[str, ...] = field(default=())


HANDS: Final = ("left", "right", "both")
OUTCOMES: Final = ("success", "failure", "recovery")


def one_of(told: object, known: Sequence[str], what: str, where: str) -> str:
    """The word among the known ones that a file means; empty for none.

    Raises:
        Unreadable: it is another word.
    """
    word = str(told or "").strip().lower()
    if word and word not in known:
        raise Unreadable(f"In {where} the {what} is {told!r}; it is {', '.join(known[:-1])} or {known[-1]}.")
    return word


def number_of_track(told: object, what: str, where: str) -> int | None:
    """The number of a mask track as a file tells it, None for none.

    Raises:
        Unreadable: it is no whole number.
    """
    if told is None or told == "":
        return None
    if isinstance(told, bool) or not str(told).strip().isdecimal():
        raise Unreadable(f"In {where} the {what} is {told!r}; give the number of a track, or nothing.")
    return int(str(told))


READERS: Final[Registry[Reader]] = Registry("segment file format", timelines)


def register(reader: Reader) -> Reader:
    return READERS.register(reader.name, reader)


def text_of(content: bytes) -> str:
    """The text of a file: UTF-8, with or without a byte order mark, or UTF-16 with one, as spreadsheets write it.

    Raises:
        Unreadable: it is none of these.
    """
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"The file is not text in UTF-8: byte {error.start} can't be read. Save it as UTF-8."
        ) from None
