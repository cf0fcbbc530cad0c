"""The manifest of a clip folder: which file belongs to which layer, with its hash, and what made the layer."""

import hashlib
import json
from datetime import UTC, datetime
from typing import NotRequired, TypedDict, cast

from annotation.media.errors import ClipFolderError

SCHEMA_VERSION = 1


class FileEntry(TypedDict):
    """One file: SHA-256 in hex, length in bytes, the layer that owns it."""

    sha256: str
    bytes: int
    layer: str


class LayerEntry(TypedDict):
    """What made a layer; `version` is the layer's own, `fingerprint` stands for inputs, parameters and versions."""

    engine: str
    engine_version: str
    version: str
    parameters: dict[str, object]
    fingerprint: str
    created: str


class Manifest(TypedDict):
    """The whole; `seal` is the SHA-256 of the rest, so that a changed byte in the manifest itself shows too."""

    schema_version: int
    layers: dict[str, LayerEntry]
    files: dict[str, FileEntry]
    seal: NotRequired[str]


def empty() -> Manifest:
    """A manifest of nothing."""
    return {"schema_version": SCHEMA_VERSION, "layers": {}, "files": {}}


def now() -> str:
    """The present in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render(manifest: Manifest) -> bytes:
    """The one form in which a manifest is written: sorted keys, sealed, newline at the end."""
    content = {key: value for key, value in manifest.items() if key != "seal"}
    plain = _canonical(content)
    seal = hashlib.sha256(plain).hexdigest()
    if max(content) > "seal":
        return _canonical(content | {"seal": seal})
    # The seal sorts last, so that what it is of need not be written out a second time.
    return plain.removesuffix(b"\n}\n") + f',\n "seal": "{seal}"\n}}\n'.encode()


def parse(raw: bytes, *, where: str) -> Manifest:
    """Read a manifest and check that not one byte of it has changed.

    Raises:
        ClipFolderError: it is no JSON, of another schema version, or not as it was written.
    """
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise ClipFolderError(
            f"The manifest of {where} is not readable JSON ({error}); restore it from a copy."
        ) from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise ClipFolderError(f"The manifest of {where} is not of schema version {SCHEMA_VERSION}.")
    manifest = cast(Manifest, content)
    if render(manifest) != raw:
        raise ClipFolderError(f"The manifest of {where} was changed after it was written; restore it from a copy.")
    return manifest


def same_work(a: LayerEntry, b: LayerEntry) -> bool:
    """Whether two entries describe the same work; when it was done does not matter."""
    return {**a, "created": ""} == {**b, "created": ""}


def _canonical(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()
