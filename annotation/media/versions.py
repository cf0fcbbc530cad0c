"""A layer's result that another one replaces, kept beside it in the clip folder, and brought back.

A kept version is a clip folder of its own (`ClipFolder.version`) with the same paths in it, so that whatever reads a
layer reads it too. It is made of second names for the same bytes: keeping costs no disk until the files are replaced.
Its manifest comes last; without one there is no version.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from annotation.media.artifacts import Artifact
from annotation.media.clip_folder import VERSIONS, ClipFolder
from annotation.media.durable import Seal
from annotation.media.errors import ClipFolderError
from annotation.media.manifest import LayerEntry, Manifest


def keep(folder: ClipFolder, layer: str) -> tuple[str, int] | None:
    """Keep what the manifest lists for a layer, before it is replaced. Safe to run twice, and to be killed.

    Returns:
        Its fingerprint and its length in bytes; None when the layer was never committed.

    Raises:
        ClipFolderError: a file is missing, or not the one that the manifest lists; then nothing is kept.
        OSError: the disk is full or not writable.
    """
    content = folder.manifest()
    entry = content["layers"].get(layer)
    if entry is None:
        return None
    version = folder.version(entry["fingerprint"])
    kept = version.manifest()
    if layer not in kept["layers"]:
        listed = {path: file["sha256"] for path, file in content["files"].items() if file["layer"] == layer}
        try:
            files = [_copied(folder, version, path, sha256) for path, sha256 in sorted(listed.items())]
        except ClipFolderError:
            drop(folder, entry["fingerprint"])
            raise
        kept = _commit(version, layer, entry, files)
    return entry["fingerprint"], sum(file["bytes"] for file in kept["files"].values())


def there_is(folder: ClipFolder, layer: str, fingerprint: str) -> bool:
    """Whether such a version is kept, whole."""
    entry = folder.version(fingerprint).manifest()["layers"].get(layer)
    return entry is not None and entry["fingerprint"] == fingerprint


def bring_back(folder: ClipFolder, layer: str, fingerprint: str) -> list[Artifact]:
    """Make a kept version the layer's current one again; returns its files. Safe to run twice, and to be killed.

    The present one is replaced: keep it first.

    Raises:
        ClipFolderError: it is not kept, or one of its files is missing or changed.
        OSError: the disk is full or not writable.
    """
    content = folder.manifest()
    entry = content["layers"].get(layer)
    if entry is not None and entry["fingerprint"] == fingerprint:
        listed = content["files"].items()
        return [Artifact(path, file["sha256"], file["bytes"]) for path, file in listed if file["layer"] == layer]
    version = folder.version(fingerprint)
    kept = version.manifest()
    if layer not in kept["layers"]:
        raise ClipFolderError(f"The version {fingerprint[:12]} of {layer} is not kept in {folder.root.name}.")
    files = [_copied(version, folder, path, file["sha256"]) for path, file in sorted(kept["files"].items())]
    _commit(folder, layer, kept["layers"][layer], files)
    return files


def within(root: Path) -> list[Path]:
    """Where the kept versions of a clip folder lie on this machine; each is a clip folder, too."""
    return sorted(path for path in (root / VERSIONS).glob("*") if path.is_dir())


def drop(folder: ClipFolder, fingerprint: str) -> None:
    """Remove a kept version, here and in the mirror."""
    version = folder.version(fingerprint)
    version.erase()
    with suppress(OSError):  # others are kept, or there never were any
        version.root.parent.rmdir()


def _commit(folder: ClipFolder, layer: str, entry: LayerEntry, files: list[Artifact]) -> Manifest:
    return folder.commit(layer, files=files, **entry)


def _copied(source: ClipFolder, target: ClipFolder, path: str, sha256: str) -> Artifact:
    """Give a file a second name in another folder; copied where the disk does not allow it."""
    there = source.local(path)
    # Before it takes another's place: what is damaged must not replace what is whole.
    seal = Seal.of(there)
    if seal.sha256 != sha256:
        raise ClipFolderError(f"{path} of {source.root.name} is not the file that was written.")
    with target.writing_path(path, seal) as pending:
        try:
            os.link(there, pending.path)
        except OSError:
            shutil.copyfile(there, pending.path)
    return pending.whole
