"""What a clip folder is made of: files that are whole, files not yet whole, and the second home that they may have."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from annotation.media.durable import Seal
from annotation.media.errors import ClipFolderError


@dataclass(frozen=True)
class Artifact:
    """A file that is whole: its path inside the folder, its SHA-256 in hex, its length in bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Problem:
    """What is wrong with a folder. kind: missing, changed, unlisted or manifest."""

    kind: str
    path: str
    sentence: str


class Mirror(Protocol):
    """A second home for clip folders, such as object storage. Keys are "<folder name>/<path inside>"."""

    def prepare(self) -> None:
        """Make what has to be there before the first file is stored; what is there stays as it is."""

    def push(self, path: Path, key: str) -> None:
        """Store a local file under a key, whole or not at all."""

    def fetch(self, key: str, path: Path) -> bool:
        """Write what is stored under a key to a local path; False when there is nothing."""

    def has(self, key: str) -> bool:
        """Whether anything is stored under a key."""

    def listing(self, prefix: str) -> Iterable[tuple[str, str]]:
        """Every key that begins so, with a mark that is another one whenever other bytes are stored under it."""

    def remove(self, prefix: str) -> None:
        """Remove what is stored under every key that begins so; nothing need be there."""


@dataclass
class PendingPath:
    """A path to write to with a library that opens files itself; afterwards `artifact` and `seal` are set.

    In a folder without a manifest only the seal is, from when the file has its name.
    """

    path: Path
    artifact: Artifact | None = None
    seal: Seal | None = None

    @property
    def whole(self) -> Artifact:
        """The artifact; raises ClipFolderError while there is none."""
        if self.artifact is None:
            raise ClipFolderError(f"{self.path.name} was not finished.")
        return self.artifact


class Writing(io.BufferedRandom):
    """An open file that gets its name only when it is whole; `pending` tells of it afterwards."""

    def __init__(self, pending: PendingPath) -> None:
        super().__init__(io.FileIO(pending.path, "x+"))
        self.pending = pending

    @property
    def artifact(self) -> Artifact:
        """The artifact, once the file is whole; raises ClipFolderError before."""
        return self.pending.whole
