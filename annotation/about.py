"""Where a clip comes from [I4]: the fields that travel with it, and what its file may be called."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from annotation.errors import Refused

TEXTS = ("name", "scene", "environment", "device", "session", "site", "licence", "consent")
# Enough to balance a data set, too little to know a person by.
CONTRIBUTOR = ("age_range", "handedness")
FIELDS = (*TEXTS, "contributor")
MAX_CHARACTERS = 120
MAX_NAME_BYTES = 200


def clean(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a clip's origin, checked; empty values are left out.

    Args:
        about: texts by the names in TEXTS, and "contributor": age_range and handedness, as a mapping or as JSON.

    Raises:
        Refused: an unknown field, or a value that is no text or too long; the sentence names it.
    """
    kept: dict[str, Any] = {}
    for field, value in about.items():
        if field not in FIELDS:
            raise Refused(f"A clip has no field {field!r}; it has {', '.join(FIELDS)}.")
        checked = _contributor(value) if field == "contributor" else _text(field, value)
        if checked:
            kept[field] = checked
    return kept


def file_name(given: str) -> str:
    """A name that is safe in a folder on any system and still reads like the one given.

    Folders before it, control characters and signs that mean something to a file system are dropped; it is cut to 200
    bytes before its ending.
    """
    bare = unicodedata.normalize("NFC", given.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])
    seen = "".join(sign for sign in bare if unicodedata.category(sign)[0] != "C")
    plain = re.sub(r"\s+", " ", re.sub(r'[<>:"|?*]', "_", seen)).strip().lstrip(".").strip()
    ending = PurePath(plain).suffix if len(PurePath(plain).suffix.encode()) <= 12 else ""
    stem = plain.removesuffix(ending) if ending else plain
    room = MAX_NAME_BYTES - len(ending.encode())
    stem = stem.encode()[:room].decode(errors="ignore").strip()
    return f"{stem or 'clip'}{ending}"


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f"{field} must be text, not {type(value).__name__}.")
    text = re.sub(r"\s+", " ", "".join(sign for sign in value if unicodedata.category(sign) != "Cc" or sign.isspace()))
    text = text.strip()
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"{field} has {len(text)} characters; {MAX_CHARACTERS} is the most.")
    return text


def _contributor(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError as error:
            raise Refused('contributor must be JSON such as {"handedness": "left"}.') from error
    if not isinstance(value, Mapping) or set(value) - set(CONTRIBUTOR):
        raise Refused(f"contributor may say {' and '.join(CONTRIBUTOR)}, nothing else about a person.")
    return {key: text for key, told in value.items() if (text := _text(f"contributor.{key}", told))}
