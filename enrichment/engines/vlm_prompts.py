"""Prompts for vision-language models: kept as files with versions, and named by their content.

A prompt is named "keyframe-1", or "keyframe-1@3f2a…" with the beginning of its file's SHA-256. The second form stands
in the parameters of a layer run, and so in its fingerprint: a changed file is another prompt.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "vlm_prompts"
# What prompts ask about, and what their examples call it: a caption's frame, or the segment of three sentences.
KINDS: Final = {"keyframe": "frame", "segment": "segment"}
_DIGITS: Final = 12


@dataclass(frozen=True)
class Example:
    """What is shown, told in words, and the answer that is wanted for it."""

    shown: str
    answer: str


@dataclass(frozen=True)
class Prompt:
    """What a model is asked. kind: of what, one of KINDS. schema: JSON schema of its answer."""

    name: str
    kind: str
    system: str
    ask: str
    examples: tuple[Example, ...]
    schema: dict[str, Any]


def names(kind: str = "") -> list[str]:
    """All prompts there are, or those of a kind, without their content's name."""
    found = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return [name for name in found if kind in {"", _kind_of(_read(name))}]


def resolved(name: str, kind: str = "") -> str:
    """A prompt's name with that of its content.

    Raises:
        ValueError: there is no such prompt (of that kind, where one is given), or its file is not the one that was
            meant.
    """
    plain, _, digest = name.partition("@")
    known = names(kind)
    if plain not in known:
        raise ValueError(f"there is no prompt {plain!r}; there are {', '.join(known)}.")
    there = hashlib.sha256((FOLDER / f"{plain}.toml").read_bytes()).hexdigest()[:_DIGITS]
    if digest and digest != there:
        raise ValueError(
            f"the prompt {plain!r} is {there} here, but {digest} was asked for; a published prompt is never edited, "
            "a better one is a new file."
        )
    return f"{plain}@{there}"


@lru_cache(maxsize=16)
def load(name: str) -> Prompt:
    """A prompt by its name, with or without its content's; raises ValueError as `resolved` does."""
    exact = resolved(name)
    said = _read(exact.partition("@")[0])
    kind = _kind_of(said)
    shown, properties = KINDS[kind], _properties(said)
    examples = tuple(
        Example(f"A {shown} in words: {one[shown]}", json.dumps({key: one[key] for key in properties}))
        for one in said["examples"]
    )
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Prompt(exact, kind, said["system"].strip(), said["ask"].strip(), examples, schema)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def _kind_of(said: dict[str, Any]) -> str:
    """The first prompts were published before there were kinds."""
    kind = str(said.get("kind", "keyframe"))
    if kind not in KINDS:
        raise ValueError(f"a prompt is of the kind {kind!r}; there are {', '.join(KINDS)}.")
    return kind


def _properties(said: dict[str, Any]) -> dict[str, Any]:
    if _kind_of(said) == "segment":
        return {"sentences": {"type": "array", "items": {"type": "string"}}}
    return {
        "caption": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "environment": {"type": "string", "enum": list(said["environments"])},
        "lighting": {"type": "string", "enum": list(said["lightings"])},
    }
