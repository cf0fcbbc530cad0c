"""What is wrong with a delivered folder, and a picture of what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.geometry.rle import Rle


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the file, relative to the folder, and a sentence."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


@dataclass(frozen=True, slots=True, order=True)
class Pick:
    """A frame of a clip that is to be looked at."""

    folder: str
    frame: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mask as the delivered files hold it."""

    label: str
    track: int
    rle: Rle
