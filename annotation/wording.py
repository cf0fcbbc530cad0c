"""What can be said of a segment's instructions without a model: how alike they are, and which words no dictionary has.

Likeness is rapidfuzz's token_sort_ratio of the words in lower case without punctuation: the similarity of the sentences
with their words in alphabetical order, from the insertions and deletions between them, 0 to 100. Spelling is looked up
in the dictionaries that come with pyspellchecker, so that it works offline.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

from rapidfuzz import fuzz
from spellchecker import SpellChecker

# Where one word of five is another the ratio is about 85; an article more or less, or a plural, is above this.
NEAR_COPY: Final = 92.0
# Words of the field and of British English that the dictionary lacks.
OF_THE_FIELD: Final = frozenset(
    {
        "colour", "colours", "coloured", "grey", "centre", "centreline", "centimetre", "centimetres", "metre",
        "pregrasp", "regrasp", "regrasps", "gripper", "grippers", "countertop", "worktop", "sidewards",
        "teleoperation", "teleoperated",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True)
class NearCopy:
    """Two instructions by their place in the list, from 0, and how alike they are, 0-100."""

    first: int
    second: int
    alike: float


@dataclass(frozen=True)
class Misspelling:
    """A word of one instruction that nobody knows, and what was perhaps meant, or nothing."""

    instruction: int
    word: str
    meant: str


def plain(text: str) -> str:
    """The words in lower case with single spaces, without punctuation: two that are equal here are the same."""
    return " ".join(re.findall(r"[\w'’-]+", text.lower()))


def near_copies(texts: Sequence[str]) -> list[NearCopy]:
    """Pairs that say the same in nearly the same words, those that are equal left out; empty texts are no texts."""
    told = [(place, plain(text)) for place, text in enumerate(texts)]
    pairs = combinations([(place, text) for place, text in told if text], 2)
    found = []
    for (first, one), (second, other) in pairs:
        if one == other:
            continue
        alike = fuzz.token_sort_ratio(one, other)
        if alike >= NEAR_COPY:
            found.append(NearCopy(first, second, alike))
    return found


def misspellings(texts: Sequence[str], *, language: str, known: Collection[str]) -> list[Misspelling]:
    """Words that neither the language's dictionary nor `known` (lower case) has, each once, in order.

    Without a language nothing is looked up. Names and codes are passed over: words with a capital letter after the
    first one, single letters, and a capitalised word that does not begin the sentence.
    """
    if not language:
        return []
    dictionary = _dictionary(language)
    found: dict[str, Misspelling] = {}
    for place, text in enumerate(texts):
        for word in _to_check(text):
            if word in known or word in found or word in OF_THE_FIELD or _is_known(word, dictionary, known):
                continue
            meant = dictionary.correction(word) or ""
            found[word] = Misspelling(place, word, "" if meant == word else meant)
    return list(found.values())


def words_of(texts: Iterable[str]) -> set[str]:
    """Every word of keys and names, in lower case, the parts of compounds too."""
    return {part for text in texts for part in re.findall(r"[^\W\d_]+", text.lower())} | {
        word.lower() for text in texts for word in _WORD.findall(text)
    }


def _to_check(text: str) -> Iterable[str]:
    for place, match in enumerate(_WORD.finditer(text)):
        word = match.group().replace("’", "'")
        is_name = word[1:] != word[1:].lower() or (place > 0 and word[0].isupper())
        if len(word) > 1 and not is_name:
            yield word.lower()


def _is_known(word: str, dictionary: SpellChecker, known: Collection[str]) -> bool:
    """Compounds are known by their parts, genitives by what they are of."""
    stem = word.removesuffix("'s")
    parts = [part for part in re.split(r"['-]", stem) if len(part) > 1]
    return all(
        part in known or part in OF_THE_FIELD or not dictionary.unknown([part]) for part in parts
    ) or not dictionary.unknown([word])


@lru_cache(maxsize=2)
def _dictionary(language: str) -> SpellChecker:
    """Half a second and some 50 MB the first time; a suggestion is at most one letter away, which keeps it quick."""
    return SpellChecker(language=language, distance=1)
