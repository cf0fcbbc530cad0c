"""Tags of captions: the words and short phrases that say most, and the labels that are spoken of. Strings only.

Source: Rose, Engel, Cramer, Cowley, "Automatic Keyword Extraction from Individual Documents", 2010: runs of words
between stop words, each word scored by how many others stand beside it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from enrichment.engines import phrases
from enrichment.engines.captioning import Caption

VERSION: Final = "4"
_LONGEST: Final = 3
_MOST: Final = 8

_SAYING_LITTLE: Final = """
    a about above across after against all along also although always am an and another any are around as at away
    back be because been before behind being below beneath beside between both but by can close could did do does doing
    down during each either else ever every few for from front further had has have having he held her here hers him his
    how i if image in inside into is it its itself just left like lies little made make many may me middle might more
    most much my near neither next no nor not now of off on once one only onto or other others our out over own part
    photo picture placed possibly probably rest resting right same scene seem seems seen several she should shown shows
    side similar sits sitting slightly so some something still such than that the their them then there these they thing
    things this those three through to together too toward towards two under until up upon us very video visible was we
    well were what when where which while who whose why will with within without would you your appears appear being
    held holding image foreground background
"""
_STOP: Final = frozenset(_SAYING_LITTLE.split())

# A comma inside "no cups, plates or bowls" ends nothing, one before another statement does.
_CLAUSE_ENDS: Final = re.compile(
    r"([.;:!?]|\b(?:and|but|while|whereas|although|though|yet|except)\b|,(?!(?:\s*\w+){1,3}(?:\s+n?or\b|,[^.;:!?]*\bn?or\b)))"
)
_DENIES: Final = re.compile(
    r"(?<![\w-])(?:no(?!\s+doubt|\s+(?:fewer|less|more)\s+than)|not(?!\s+(?:only|just|merely|simply))|without|neither|nor|never"
    r"|cannot|lack(?:s|ing)?|(?:free|devoid)\s+of|\w+n't)(?![\w-])"
)
_NOT_THERE: Final = re.compile(
    r"(?:\bnot|\bcannot|n't|\bnowhere|\bno longer)(?:\s+be)?\s+(?:visible|seen|shown|present|in (?:view|sight|frame))\b"
    r"|\b(?:is|are|was|were)\s+(?:absent|missing)\b"
)
# What is "the cup" is there, whatever is denied of it ("is not holding the cup", "no lid on the cup"), unless it is
# itself what is denied ("without the cup") or not shown.
_GIVEN: Final = re.compile(
    r"\b(?!(?:n?or|and|show\w*|see|seeing|contain\w*|includ\w*|depict\w*|display\w*|reveal\w*|featur\w*|have|having|of)\s)"
    r"\w+\s+(?:the|its|his|her|their|this|that|these|those)\b.*",
    re.DOTALL,
)


def tags(caption: Caption, labels: Sequence[str]) -> dict[str, list[str]]:
    """What a caption speaks of; what it denies ("no cup", "without a lid", "the hand is not visible") it does not.

    Args:
        caption: its own tags, where it has some, count as phrases.
        labels: keys of the taxonomy.

    Returns:
        "labels": keys whose words stand in the caption, in the taxonomy's order. "words": phrases of up to three words,
        those that say most first, without what the labels have said.
    """
    spoken = affirmed(" ".join([caption.text, *(f". {tag}" for tag in caption.tags)]).lower())
    there = [label for label in labels if _stands_in(phrases.phrase(label), spoken)]
    said = {singular(word) for label in there for word in phrases.phrase(label).split()}
    runs = _runs(spoken)
    degree: dict[str, int] = defaultdict(int)
    often: dict[str, int] = defaultdict(int)
    for run in runs:
        for word in run:
            often[word] += 1
            degree[word] += len(run)
    scores = {" ".join(run): sum(degree[word] / often[word] for word in run) for run in runs}
    words = [run for run in sorted(scores, key=lambda run: (-scores[run], run)) if set(run.split()) - said]
    extra = [each.lower() for each in (caption.environment, caption.lighting) if each]
    return {"labels": there, "words": list(dict.fromkeys([*extra, *words[:_MOST]]))}


def affirmed(text: str) -> str:
    """A text in lower case without what its clauses deny: each ends before its "no", "not" or "without".

    What the rest of a clause takes for given stays: "the gripper is not holding the cup" speaks of a cup.
    """
    clauses = _CLAUSE_ENDS.split(text.replace("\u2019", "'"))
    # Every other one is what ended a clause.
    clauses[::2] = [_affirmed(each) for each in clauses[::2]]
    return "".join(clauses)


def _affirmed(clause: str) -> str:
    gone = _NOT_THERE.search(clause)
    denied = gone or _DENIES.search(clause)
    if denied is None:
        return clause
    given = _GIVEN.search(clause, denied.end())
    rest = _affirmed(given[0]) if given is not None else ""
    return f"{'' if gone else clause[: denied.start()]} , {rest}"


def singular(word: str) -> str:
    """A word as one of it: blocks, block; boxes, box; berries, berry. English only, and by its ending alone."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _runs(text: str) -> list[list[str]]:
    """Words between stop words and marks, as one of each, no more than three in a row."""
    runs: list[list[str]] = []
    for part in re.split(r"[^\w\s'-]+", text):
        run: list[str] = []
        for word in [*re.findall(r"[^\W\d_]+(?:[-'][^\W\d_]+)*", part), ""]:
            if word and word not in _STOP and len(word) > 2:
                run.append(singular(word))
                continue
            if 0 < len(run) <= _LONGEST:
                runs.append(run)
            elif run:
                runs += [[each] for each in run]
            run = []
    return runs


def _stands_in(phrase: str, text: str) -> bool:
    """Whether a phrase is spoken of, in one or in many."""
    words = [singular(word) for word in phrase.split()]
    spoken = [singular(word) for word in re.findall(r"\w+", text)]
    return any(spoken[at : at + len(words)] == words for at in range(len(spoken) - len(words) + 1))
