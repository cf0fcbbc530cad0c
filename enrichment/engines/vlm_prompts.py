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
_DIGITS: Final = 12


@dataclass(frozen=True)
class Example:
    """A frame told in words, and the answer that is wanted for it."""

    frame: str
    answer: str


@dataclass(frozen=True)
class Prompt:
    """What a model is asked. schema: JSON schema of its answer."""

    name: str
    system: str
    ask: str
    examples: tuple[Example, ...]
    schema: dict[str, Any]


def names() -> list[str]:
    """All prompts there are, without their content's name."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def resolved(name: str) -> str:
    """A prompt's name with that of its content.

    Raises:
        ValueError: there is no such prompt, or its file is not the one that was meant.
    """
    plain, _, digest = name.partition("@")
    if plain not in names():
        raise ValueError(f"there is no prompt {plain!r}; there are {', '.join(names())}.")
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
    said = tomllib.loads((FOLDER / f"{exact.partition('@')[0]}.toml").read_text())
    examples = tuple(
        Example(one["frame"], json.dumps({key: one[key] for key in ("caption", "tags", "environment", "lighting")}))
        for one in said["examples"]
    )
    schema = {
        "type": "object",
        "properties": {
            "caption": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "environment": {"type": "string", "enum": list(said["environments"])},
            "lighting": {"type": "string", "enum": list(said["lightings"])},
        },
        "required": ["caption", "tags", "environment", "lighting"],
    }
    return Prompt(exact, said["system"].strip(), said["ask"].strip(), examples, schema)
