"""Folders of weights on this machine: which there are, and exactly what is in them.

A checkpoint is a folder as Hugging Face lays it out: `config.json`, whose `model_type` says what it is, and weights as
safetensors. Weights in pickle formats are not read: they run whatever their maker wrote into them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from enrichment.errors import EngineInputError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Written beside fetched weights: hub, revision (the commit), sha256 as `digest` gives it, licence, fetched_at.
RECORD = "loupe.json"


def of_kind(*kinds: str) -> Callable[[Path], list[str]]:
    """What lists the checkpoints below a folder whose `model_type` is one of these, by name."""

    def names(folder: Path) -> list[str]:
        if not folder.is_dir():
            return []
        return sorted(each.name for each in folder.iterdir() if _kind(each) in kinds)

    return names


def require_safetensors(folder: Path) -> None:
    """Raises EngineInputError when a folder holds no weights that may be read."""
    if not (folder / WEIGHTS).is_file() and not (folder / INDEX).is_file():
        raise EngineInputError(
            f"{folder} holds no {WEIGHTS}. Weights in pickle formats are not read; convert them to safetensors."
        )


def digest(folder: Path) -> str:
    """SHA-256 of the configuration and all weights, 64 hexadecimal digits; names the checkpoint for good.

    Raises:
        EngineInputError: the folder holds no safetensors.
    """
    require_safetensors(folder)
    sha = hashlib.sha256()
    for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()


def pinned(folder: Path) -> str:
    """The SHA-256 that was written down when the weights came; empty where nobody wrote one."""
    try:
        return str(json.loads((folder / RECORD).read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _kind(folder: Path) -> str:
    if not any(folder.glob("*.safetensors")):
        return ""
    try:
        said = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return ""
    return str(said.get("model_type", "")) if isinstance(said, dict) else ""
