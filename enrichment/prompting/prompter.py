"""The contract of an engine that makes masks of boxes and clicks.

It looks at a picture once (`embed`) and then answers any number of prompts from what it made of it (`answer`). It sees
no Django, settings or database, keeps no state between calls, and may be asked by several threads at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]
Click = tuple[float, float, bool]


class Embedding(Protocol):
    """What an engine made of one picture; only the engine that made it looks inside."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""


@dataclass(frozen=True)
class Previous:
    """The mask that the clicks correct.

    mask: (height, width) bool. state: what the engine itself added to the candidate, None for a mask that came from
    elsewhere.
    """

    mask: Mask
    state: Any = None


@dataclass(frozen=True)
class Prompt:
    """What a person points at.

    box: (x, y, width, height) in pixels around the thing. points: (x, y, belongs) in the order of the clicks. examples:
    further boxes with whether what is meant is like what they hold; only for engines that take them.
    """

    box: Box | None = None
    points: Sequence[Click] = ()
    previous: Previous | None = None
    examples: Sequence[tuple[Box, bool]] = ()

    def check(self, height: int, width: int) -> None:
        """Refuse clicks beside a picture of this size, and boxes that hold no part of it.

        Raises:
            EngineInputError: there is one, or a number that is none.
        """
        check_clicks(self.points, height, width)
        for box in (*([] if self.box is None else [self.box]), *(box for box, _ in self.examples)):
            x, y, wide, tall = box
            if not (x < width and y < height and x + wide > 0 and y + tall > 0 and wide > 0 and tall > 0):
                raise EngineInputError(f"The box {box} holds no part of the picture of {width}x{height}.")


def check_clicks(clicks: Sequence[Click], height: int, width: int) -> None:
    """Refuse clicks beside a picture of this size; raises EngineInputError."""
    for x, y, _ in clicks:
        if not (0 <= x < width and 0 <= y < height):
            raise EngineInputError(f"The click at ({x:g}, {y:g}) lies outside the picture of {width}x{height}.")


@dataclass(frozen=True)
class Candidate:
    """One reading of a prompt.

    mask: (height, width) bool. confidence: 0-1. state: what the engine wants back when this one is corrected; small.
    """

    mask: Mask
    confidence: float
    state: Any = field(default=None, repr=False)


class Prompter(Protocol):
    """An engine; `version` is named on every mask beside the engine's name."""

    @property
    def version(self) -> str:
        """Of the engine and its weights."""

    def embed(self, picture: Picture) -> Embedding:
        """Look at a picture (height, width, 3) uint8 RGB once.

        Raises:
            EngineInputError: it is none.
        """

    def answer(self, embedding: Any, prompt: Prompt) -> list[Candidate]:
        """Masks for what is pointed at, at least one, the likeliest first.

        Raises:
            EngineInputError: nothing is pointed at that could be answered; the sentence reaches the person.
        """
