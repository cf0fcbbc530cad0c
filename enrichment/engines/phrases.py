"""Words of a taxonomy as people say them, for models that are asked in words. Strings only."""

from __future__ import annotations

from collections.abc import Sequence


def phrase(label: str) -> str:
    """What a label's key means in words: "red_block" is "red block"."""
    return " ".join(label.replace("_", " ").replace("-", " ").lower().split())


def spans(labels: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """All labels as one caption, "red block. gripper.", and where in it each one stands, [start, end) in letters."""
    text, where = "", []
    for label in labels:
        start = len(text) + (1 if text else 0)
        said = phrase(label)
        text += (" " if text else "") + said + "."
        where.append((start, start + len(said)))
    return text, where
