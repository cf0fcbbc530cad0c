"""Weights from the Hugging Face hub into LOUPE_WEIGHTS: safetensors only, of one commit, their hash written down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from enrichment import engine
from enrichment.engine import Hub
from enrichment.engines import checkpoints
from enrichment.errors import EngineMissing

RECORD: Final = checkpoints.RECORD
# Configuration and vocabularies; never a pickle, and never a .py, which trust_remote_code would run.
PATTERNS: Final = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model")


class Source(Protocol):
    """The hub."""

    def look(self, hub_id: str, revision: str, /) -> tuple[str, Sequence[str]]:
        """The commit that a revision means (the newest when it is empty), and the names of its files."""

    def download(self, hub_id: str, commit: str, folder: Path, files: Sequence[str], /) -> None:
        """These files of a commit, into a folder."""


@dataclass(frozen=True)
class Fetched:
    """What lies where now."""

    folder: Path
    commit: str
    sha256: str


def wanted(name: str) -> Hub:
    """The weights that a name means: a hub id, or an engine with only one.

    Raises:
        EngineMissing: no engine takes such weights, or several weights are meant; the sentence lists them.
    """
    known = {hub.id: hub for offer in engine.every.every().values() for hub in offer.hub}
    if name in known:
        return known[name]
    of_engine = {hub.id: hub for offer in engine.every.every().values() if offer.name == name for hub in offer.hub}
    if len(of_engine) == 1:
        return next(iter(of_engine.values()))
    listed = ", ".join(of_engine or known)
    if of_engine:
        raise EngineMissing(f"{name} has weights of several sizes and licences; name one of {listed}.")
    raise EngineMissing(f"No engine takes weights called {name!r}; there are {listed}.")


def fetch(hub: Hub, weights: Path, source: Source, revision: str = "") -> Fetched:
    """Lay a model's weights into their folder, whole or not at all.

    Args:
        hub: what is wanted.
        weights: the folder below which each engine's weights have their own.
        source: the hub.
        revision: commit, branch or tag; by default the commit that the engine's description pins, else the one that
            was fetched before, else the newest, which is then pinned.

    Raises:
        EngineMissing: the hub has no safetensors there, or the folder is taken by other weights.
    """
    commit, files = source.look(hub.id, revision or hub.revision or _fetched_before(hub, weights))
    chosen = [name for name in files if any(Path(name).match(pattern) for pattern in PATTERNS)]
    if not any(name.endswith(".safetensors") for name in chosen):
        kinds = sorted(
            {Path(name).suffix for name in files if Path(name).suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}}
        )
        raise EngineMissing(
            f"{hub.id} at {commit[:12]} has no safetensors{', only ' + ' and '.join(kinds) if kinds else ''}. Weights "
            "in pickle formats run whatever their maker wrote into them; they are not fetched."
        )
    folder = weights / hub.folder
    if folder.exists() and not (folder / RECORD).is_file():
        raise EngineMissing(f"{folder} is there already and was not fetched from the hub; move it away first.")
    coming = weights / f".{hub.folder}.coming"
    coming.mkdir(parents=True, exist_ok=True)  # what a broken download left is taken up again
    source.download(hub.id, commit, coming, chosen)
    # That may have been of another commit, whose other files would be hashed and loaded with these.
    _only(coming, chosen)
    sha256 = checkpoints.digest(coming)
    record = {
        "hub": hub.id,
        "revision": commit,
        "sha256": sha256,
        "licence": hub.licence,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (coming / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    if folder.exists():
        shutil.rmtree(folder)
    coming.rename(folder)
    return Fetched(folder, commit, sha256)


def _only(folder: Path, names: Sequence[str]) -> None:
    """Delete everything but these files."""
    kept = {folder / name for name in names}
    for path in list(folder.rglob("*")):
        if not path.is_dir() and path not in kept:
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _fetched_before(hub: Hub, weights: Path) -> str:
    """The commit that lies there; empty when none was fetched."""
    try:
        record = json.loads((weights / hub.folder / RECORD).read_text())
        return str(record["revision"]) if record["hub"] == hub.id else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def changed(folder: Path) -> str:
    """Why weights are not what was fetched, as a sentence; empty when they are, or were not fetched."""
    try:
        said = json.loads((folder / RECORD).read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    now = checkpoints.digest(folder)
    return "" if now == said else f"{folder} is not what was fetched: its SHA-256 was {said[:12]} and is {now[:12]}."
