"""Two sets of captions, of their tags, or of descriptions of segments: by the words that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, register
from enrichment.layers import descriptions as description_layer
from enrichment.layers import tags as tag_layer


@register
class Captions(Comparer):
    """Ratcliff and Obershelp's similarity of the words, 0-1."""

    layers = ("captions",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Every keyframe that both describe."""
        old, new = ({frame: one.text for frame, one in side.open().captions.items()} for side in (before, after))
        return _apart("similarity of words", {f: likeness(old[f], new[f]) for f in sorted({*old} & {*new})}, old, new)

    def words(self, side: Side, frame: int) -> list[str]:
        """The caption and its tags."""
        one = side.open().captions.get(frame)
        if one is None:
            return ["no keyframe"]
        return [one.text, *([", ".join(one.tags)] if one.tags else [])]


@register
class Tags(Comparer):
    """Jaccard's index of the sets."""

    layers = ("tags",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Labels and words together."""
        old, new = (_tags(side) for side in (before, after))
        values = {frame: jaccard(old[frame], new[frame]) for frame in sorted({*old} & {*new})}
        return _apart(
            "shared tags", values, *({f: ", ".join(sorted(t)) for f, t in side.items()} for side in (old, new))
        )

    def words(self, side: Side, frame: int) -> list[str]:
        """The tags of the keyframe."""
        there = _tags(side).get(frame)
        return ["no keyframe"] if there is None else [", ".join(sorted(there)) or "no tags"]


@register
class Descriptions(Comparer):
    """Ratcliff and Obershelp's similarity of the words, 0-1."""

    layers = ("descriptions",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Every frame at which both describe a segment that begins there."""
        old, new = ({at: " ".join(texts) for at, texts in _by_start(side).items()} for side in (before, after))
        values = {at: likeness(old[at], new[at]) for at in sorted({*old} & {*new})}
        return _apart("similarity of words", values, old, new, of="segments")

    def words(self, side: Side, frame: int) -> list[str]:
        """The sentences of the segments at the frame."""
        here = [each for each in side.json(description_layer.FILE)["segments"] if each["start"] <= frame < each["end"]]
        return [text for each in here for text in (each["sentences"] or [each["refused"]])] or ["no segment"]


def likeness(a: str, b: str) -> float:
    """How alike two texts are word for word, 0-1; two empty ones are alike."""
    return SequenceMatcher(None, a.lower().split(), b.lower().split(), autojunk=False).ratio()


def jaccard(a: Sequence[str] | set[str], b: Sequence[str] | set[str]) -> float:
    """Shared of all, 0-1; two empty sets are the same."""
    both, either = {*a} & {*b}, {*a} | {*b}
    return len(both) / len(either) if either else 1.0


def _apart(
    measure: str, values: dict[int, float], old: Mapping[int, str], new: Mapping[int, str], *, of: str = "keyframes"
) -> Differences:
    frames = sorted({*old, *new})
    rows = [Row(f, "text", old.get(f, "–"), new.get(f, "–")) for f in frames if old.get(f) != new.get(f)]
    alone = len({*old} ^ {*new})
    remarks = [f"{alone} {of} are in one version only; they are listed, and have no figure."] if alone else []
    return Differences(measure, "", 1.0, values, rows[:MOST_ROWS], remarks + beyond(rows))


def _tags(side: Side) -> dict[int, set[str]]:
    found = side.json(tag_layer.FILE)["frames"]
    return {int(frame): {*each["labels"], *each["words"]} for frame, each in found.items()}


def _by_start(side: Side) -> dict[int, list[str]]:
    """By first frame the sentences of all segments that begin there, those of the task before those of its parts."""
    found: dict[int, list[str]] = {}
    for each in side.json(description_layer.FILE)["segments"]:
        found.setdefault(int(each["start"]), []).extend(each["sentences"])
    return found
