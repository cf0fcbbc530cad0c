"""What descriptions of action segments are, whoever writes them, and which are good enough to be shown to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation import wording

SENTENCES: Final = 3
SHORTEST: Final = 6
LONGEST: Final = 200
# What a sentence begins with that tells of somebody instead of saying what to do.
_TELLING: Final = frozenset(
    {"a", "an", "he", "her", "his", "i", "it", "its", "she", "someone", "somebody", "that", "the", "their", "there",
     "these", "they", "this", "those", "we", "you"}
)  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """One proposed segment as an engine gets it.

    pictures: (height, width, 3) uint8 RGB in time, none for an engine that looks at none; offsets: seconds of each from
    the segment's start. duration: in seconds. action, phase: keys of the taxonomy, empty when unknown. target: what is
    handled, in words, empty when unknown. proposed: sentences that the proposal itself has.
    """

    pictures: Sequence[NDArray[np.uint8]] = ()
    offsets: Sequence[float] = ()
    duration: float = 0.0
    action: str = ""
    phase: str = ""
    target: str = ""
    proposed: Sequence[str] = ()


@dataclass(frozen=True)
class Description:
    """Three sentences that say what to do, each in other words. refused: why there are none."""

    sentences: tuple[str, ...] = ()
    refused: str = ""


def fault(sentences: Sequence[str]) -> str:
    """Why these are not three sentences that say what to do in different words; empty when they are.

    Two are too alike by the rule that people's instructions are held to, see `annotation.wording`.
    """
    if len(sentences) != SENTENCES:
        return f"There are {len(sentences)} sentences, not {SENTENCES}."
    for place, sentence in enumerate(sentences, start=1):
        words = wording.plain(sentence).split()
        if not SHORTEST <= len(sentence) <= LONGEST or len(words) < 2:
            return (
                f"Sentence {place} has {len(sentence)} letters in {len(words)} words; it must have {SHORTEST} to "
                f"{LONGEST} letters in two words or more."
            )
        if words[0] in _TELLING:
            return f"Sentence {place} begins with {words[0]!r}; it must say what to do, as in Lift the cup."
    return alike(sentences)


def alike(sentences: Sequence[str]) -> str:
    """Which two sentences say the same in the same or nearly the same words; empty when no two do."""
    for (first, one), (second, other) in combinations(enumerate(sentences, start=1), 2):
        if wording.plain(one) == wording.plain(other):
            return f"Sentences {first} and {second} are the same."
    for copy in wording.near_copies(sentences):
        return f"Sentences {copy.first + 1} and {copy.second + 1} are nearly the same ({copy.alike:.0f} of 100)."
    return ""
