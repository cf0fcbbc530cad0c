"""A clip folder's second home, and how the files on this machine keep in step with what other machines put there.

Nobody can lock a mirror, so each layer has a manifest of its own in it that only who commits the layer writes. Which of
these the files here are of stands beside them: one listing of the mirror says whether another has come since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypedDict

from annotation.media import manifest as manifests
from annotation.media.artifacts import Mirror
from annotation.media.durable import digest_of, make_directories, replace_file, scratch, sync_directory
from annotation.media.errors import ClipFolderError
from annotation.media.manifest import Manifest

_LAYERS = ".layers"
_SEEN = ".mirrored.json"


class Seen(TypedDict):
    """What the files of a layer here are of: the mark of its manifest in the mirror, and its fingerprint."""

    mark: str
    fingerprint: str


class Mirrored:
    """One clip folder in a mirror.

    Args:
        root: the folder on this machine.
        mirror: where it also lies, under the folder's name.
    """

    def __init__(self, root: Path, mirror: Mirror) -> None:
        self._root = root
        self._mirror = mirror

    def push(self, path: Path, relative: str) -> None:
        """Store a file of the folder."""
        self._mirror.push(path, self._key(relative))

    def fetch(self, relative: str, path: Path) -> bool:
        """Write a file of the folder to a path; False when the mirror has none of that name."""
        return self._mirror.fetch(self._key(relative), path)

    def names(self, directory: str) -> set[str]:
        """Names of the files in one of the folder's directories."""
        return {PurePosixPath(key).name for key, _ in self._mirror.listing(self._key(f"{directory}/"))}

    def stored(self) -> set[str]:
        """Paths inside the folder of all that the mirror has of it; a request for every thousand."""
        start = self._key("")
        return {key.removeprefix(start) for key, _ in self._mirror.listing(start)}

    def remove(self, directory: str = "") -> None:
        """Remove one of the folder's directories with all that is in it, or the whole folder."""
        self._mirror.remove(self._key(f"{directory}/" if directory else ""))

    def has(self, relative: str) -> bool:
        """Whether the mirror has a file of that name."""
        return self._mirror.has(self._key(relative))

    def holds(self, fingerprints: Iterable[str]) -> bool:
        """Whether the files here are of these results, as far as is known here; the mirror is not asked."""
        return set(fingerprints) <= {each["fingerprint"] for each in self._seen().values()}

    def news(self) -> dict[str, str]:
        """Layers that were committed since this folder was last in step, with their marks; one request."""
        seen = self._seen()
        there = {PurePosixPath(key).stem: mark for key, mark in self._mirror.listing(self._key(f"{_LAYERS}/"))}
        return {layer: mark for layer, mark in there.items() if layer not in seen or seen[layer]["mark"] != mark}

    def follow(self, content: Manifest, news: Mapping[str, str], *, sparing: str = "") -> dict[str, Seen]:
        """Take others' commits into a manifest, and remove the files here that are of earlier results.

        Call it under the folder's lock; the manifest's place on the disk comes after it, and `remember` last.

        Args:
            content: the manifest as it lies here; changed in place.
            news: as `news` gives it.
            sparing: a layer that is being committed here, whose files are newer than anybody's.

        Returns:
            What to remember.
        """
        seen = self._seen()
        for layer, mark in news.items():
            theirs = self._manifest_of(layer)
            if theirs is None:
                continue
            before, now = (_files(content, layer), _files(theirs, layer))
            fingerprint = theirs["layers"][layer]["fingerprint"]
            if layer != sparing:
                if before != now or layer not in seen or seen[layer]["fingerprint"] != fingerprint:
                    self._drop_outdated(before, now)
                seen[layer] = {"mark": mark, "fingerprint": fingerprint}
            for path in before:
                del content["files"][path]
            content["layers"].update(theirs["layers"])
            content["files"].update(theirs["files"])
        return seen

    def remember(self, seen: Mapping[str, Seen]) -> None:
        """Write down what the files here are of."""
        make_directories(self._root)
        replace_file(self._root / _SEEN, json.dumps(seen, indent=1, sort_keys=True).encode())

    def committing(self, layer: str, fingerprint: str) -> None:
        """Write down that a layer's files here are of a result that is about to be committed.

        Without a mark: should the commit not come about, the next look finds what stands in the mirror instead.
        """
        self.remember(self._seen() | {layer: {"mark": "", "fingerprint": fingerprint}})

    def publish(self, layer: str, content: Manifest) -> None:
        """Let other machines know of a layer, once all its files are in the mirror."""
        own: Manifest = {**content, "layers": {layer: content["layers"][layer]}, "files": {}}
        own["files"] = {path: file for path, file in content["files"].items() if file["layer"] == layer}
        with scratch(self._root) as part:
            part.write_bytes(manifests.render(own))
            self.push(part, f"{_LAYERS}/{layer}.json")

    def _manifest_of(self, layer: str) -> Manifest | None:
        with scratch(self._root) as part:
            if not self.fetch(f"{_LAYERS}/{layer}.json", part):
                return None
            return manifests.parse(part.read_bytes(), where=f"{self._root.name}, layer {layer}")

    def _drop_outdated(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """Remove what lies here and is not what the mirror lists. What is the same after all need not travel again."""
        directories = set()
        for relative in before.keys() | now.keys():
            path = self._root / relative
            if path.is_file() and digest_of(path)[0] != now.get(relative):
                path.unlink(missing_ok=True)
                directories.add(path.parent)
        for directory in directories:
            # Or a power cut might bring back what is remembered as gone.
            sync_directory(directory)

    def _seen(self) -> dict[str, Seen]:
        try:
            found: dict[str, Seen] = json.loads((self._root / _SEEN).read_bytes())
        except (FileNotFoundError, ValueError):
            # Nobody knows what the files are of; they are compared with what the mirror lists.
            return {}
        return found

    def _key(self, relative: str) -> str:
        return f"{self._root.name}/{relative}"


def _files(content: Manifest, layer: str) -> dict[str, str]:
    """The SHA-256 of a layer's files by path.

    Raises:
        ClipFolderError: a path leads out of the folder.
    """
    found = {path: file["sha256"] for path, file in content["files"].items() if file["layer"] == layer}
    for path in found:
        if path.startswith("/") or any(part.startswith(".") for part in PurePosixPath(path).parts):
            raise ClipFolderError(f"The manifest of the layer {layer} lists {path!r}, which leads out of the folder.")
    return found
