"""The folder in which a clip and all its layers lie on disk.

Every file is written under a temporary name, brought to the disk, hashed and renamed; the manifest comes last. So a
file that has its name is whole, and a layer that is in the manifest is complete, whenever the machine stops.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from annotation.media import manifest as manifests
from annotation.media.artifacts import Artifact, Mirror, PendingPath, Problem, Writing
from annotation.media.durable import Seal, digest_of, make_directories, replace_file, scratch, settle
from annotation.media.errors import ClipFolderError
from annotation.media.inside import Inside
from annotation.media.manifest import LayerEntry, Manifest
from annotation.media.mirrored import Mirrored
from annotation.media.writer import Writer

MANIFEST = "manifest.json"
VERSIONS = ".versions"


class ClipFolder:
    """One clip's folder.

    Args:
        root: the folder; made when something is written.
        mirror: where every file also goes, and comes from when it is not here. Files of a layer that another machine
            has committed since are not taken: the first look at the folder asks the mirror once.
        listed: whether a manifest lists its files. Where none does they have no artifact; they are hashed beside the
            work, see `PendingPath`.
    """

    def __init__(self, root: Path, mirror: Mirror | None = None, *, listed: bool = True) -> None:
        self.root = root
        self._mirror = mirror
        self._there = None if mirror is None else Mirrored(root, mirror)
        self._listed = listed
        self._in_step = False
        self._inside = Inside(root)
        self._writer = Writer(self._there, listed=listed)

    def path(self, relative: str) -> Path:
        """Where a file of the folder lies, whether or not it is there.

        Raises:
            ClipFolderError: it is no plain path inside, see `Inside`.
        """
        return self._inside.path(relative)

    def version(self, fingerprint: str) -> "ClipFolder":
        """Where a result of a layer lies that is not current any more: a clip folder of that one layer, by fingerprint.

        It is hidden from `verify` and from deliveries. Its name is unlike any other, as a mirror knows names alone.
        """
        return ClipFolder(self.root / VERSIONS / f"{self.root.name}.{fingerprint[:32]}", self._mirror)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Bring the files that are written inside the block to the disk in the background, one directory sync for all.

        When the block has ended well they are as safe as any; until then one that has its name is whole, but a later
        one may be there without an earlier one.
        """
        with self._writer.together():
            yield

    @contextmanager
    def writing_path(self, relative: str, seal: Seal | None = None) -> Iterator[PendingPath]:
        """As `writing`, for libraries that want a path; the temporary name keeps the ending.

        Args:
            relative: as for `writing`.
            seal: of the file that becomes this one under another name, if it was hashed when it was written.
        """
        with self._writer.path(relative, self._target(relative), seal) as pending:
            yield pending

    @contextmanager
    def writing(self, relative: str) -> Iterator[Writing]:
        """Open a file for writing that appears under its name only when the block ends well.

        Args:
            relative: path inside the folder, with forward slashes; an older file of that name is replaced.

        Yields:
            A binary file; its `artifact` is set when the block has ended. On an error nothing is left behind.

        Raises:
            ClipFolderError: not a path inside the folder.
            OSError: the disk is full or not writable.
        """
        # Closed from the inside out: the file is whole before it is hashed and renamed.
        with self.writing_path(relative) as pending, Writing(pending) as file:
            yield file

    def write(self, relative: str, data: bytes) -> Artifact:
        """Write a whole file at once; see `writing`."""
        with self.writing(relative) as file:
            file.write(data)
        return file.artifact

    def write_beside(self, relative: str, write: Callable[[BinaryIO], object], held: int) -> PendingPath:
        """As `writing`; inside `together` the file is also opened, written and hashed beside the work.

        Args:
            relative: as for `writing`.
            write: writes the content to the open file. What it writes must stay as it is until then.
            held: bytes of memory that it keeps until then; work that is ahead of the disk waits for it.
        """
        return self._writer.beside(relative, self._target(relative), write, held)

    def artifact(self, relative: str) -> Artifact | None:
        """The artifact of a file that is already here or in the mirror, or None.

        This is how a resumed run takes up old work.
        """
        try:
            path = self.local(relative)
        except ClipFolderError:
            if self.path(relative).exists():
                raise
            return None
        return Artifact(relative, *digest_of(path))

    def local(self, relative: str) -> Path:
        """A path that can be opened, fetched from the mirror when the file is not here.

        Raises:
            ClipFolderError: the file is in neither place, or the mirror's copy is not what the manifest says.
        """
        target = self.path(relative)
        self._writer.catch_up()
        self._keep_in_step()
        if target.is_file() or self._fetch(relative, target):
            return target
        raise ClipFolderError(f"There is no {relative} in {self.root.name}.")

    def has(self, relative: str) -> bool:
        """Whether a file is here or in the mirror; it is not fetched."""
        self._keep_in_step()
        return self.path(relative).is_file() or (self._there is not None and self._there.has(relative))

    def expecting(self, *fingerprints: str) -> "ClipFolder":
        """Say of which results the files that will be read are, for who knows that already; returns the folder.

        Where they are of these here, the mirror is not asked; a page that reads a file of each clip needs that.
        """
        self._in_step = self._in_step or (self._there is not None and self._there.holds(fingerprints))
        return self

    def names(self, directory: str) -> set[str]:
        """Names of the files that lie in one of its directories, here or in the mirror."""
        here = self.path(directory)
        found = {each.name for each in here.iterdir() if each.is_file()} if here.is_dir() else set()
        if self._there is not None:
            found |= self._there.names(directory)
        return {name for name in found if not name.startswith(".")}

    def remove(self, directory: str) -> None:
        """Remove one of its directories with all that is in it, here and in the mirror; nothing of it is listed."""
        shutil.rmtree(self.path(directory), ignore_errors=True)
        if self._there is not None:
            self._there.remove(directory)

    def erase(self) -> None:
        """Remove the whole folder, here and in the mirror."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self._there is not None:
            self._there.remove()

    def let_go(self) -> int:
        """Remove the listed files that the mirror has, too; who needs one fetches it again. Returns their bytes."""
        if self._there is None or not self.root.is_dir():
            return 0
        stored, freed = self._there.stored(), 0
        with self._lock():
            for relative in stored & self._read()["files"].keys():
                path = self.path(relative)
                if path.is_file():
                    freed += path.stat().st_size
                    path.unlink()
        return freed

    def manifest(self) -> Manifest:
        """The manifest, an empty one before the first commit.

        With a mirror, what other machines have committed by now is in it too.

        Raises:
            ClipFolderError: it was damaged.
        """
        self._in_step = False
        self._keep_in_step()
        return self._read()

    def commit(
        self,
        layer: str,
        *,
        engine: str,
        version: str,
        parameters: Mapping[str, object],
        fingerprint: str,
        files: Sequence[Artifact],
        engine_version: str = "",
        created: str = "",
    ) -> Manifest:
        """Declare a layer complete: enter it and its files in the manifest, in place of what it had before.

        Several workers may commit different layers to one folder at once. Committing the same work again changes
        nothing, not one byte. Files that the layer had before and has no more are removed.

        Args:
            layer: the layer's name.
            engine: what computed it.
            version: the layer's own version.
            parameters: whatever shaped the result, as JSON.
            fingerprint: stands for inputs, parameters and versions together.
            files: every file of the layer.
            engine_version: the engine's own version.
            created: when the layer was computed, as the manifest writes it; now when empty.

        Returns:
            The manifest as it now lies there.

        Raises:
            ClipFolderError: a file is not there, or belongs to another layer.
        """
        entry: LayerEntry = {
            "engine": engine,
            "engine_version": engine_version,
            "version": str(version),
            "parameters": dict(parameters),
            "fingerprint": fingerprint,
            "created": created or manifests.now(),
        }
        make_directories(self.root)
        with self._lock():
            content = self._follow(self._there.news() if self._there is not None else {}, sparing=layer)
            before = {path for path, file in content["files"].items() if file["layer"] == layer}
            self._check(layer, files, content)
            old = content["layers"].get(layer)
            content["layers"][layer] = old if old and manifests.same_work(old, entry) else entry
            for path in before:
                del content["files"][path]
            for file in files:
                content["files"][file.path] = {"sha256": file.sha256, "bytes": file.bytes, "layer": layer}
            self._publish(layer, content)
            for path in before - {file.path for file in files}:
                self.path(path).unlink(missing_ok=True)
        return content

    def verify(self) -> list[Problem]:
        """Compare the folder with its manifest, byte for byte.

        Returns:
            Every problem: files that are missing, changed, or lie here without being listed. Hidden files are not
        looked at.
        """
        try:
            content = self.manifest()
        except ClipFolderError as error:
            return [Problem("manifest", MANIFEST, str(error))]
        if not (self.root / MANIFEST).is_file():
            return [
                Problem("missing", MANIFEST, f"{self.root.name} has no {MANIFEST}; nothing was ever committed to it.")
            ]
        problems = []
        for relative, entry in sorted(content["files"].items()):
            try:
                digest, size = digest_of(self.local(relative))
            except (ClipFolderError, OSError) as error:
                problems.append(Problem("missing", relative, f"{relative} is listed but cannot be read: {error}"))
                continue
            if digest != entry["sha256"]:
                sentence = f"{relative} is not the file that was written ({size} bytes, listed with {entry['bytes']})."
                problems.append(Problem("changed", relative, sentence))
        for relative in sorted(set(self._lying()) - content["files"].keys() - {MANIFEST}):
            problems.append(Problem("unlisted", relative, f"{relative} lies here but no layer lists it."))
        return problems

    def _target(self, relative: str) -> Path:
        if relative == MANIFEST:
            raise ClipFolderError("The manifest is written by `commit` alone.")
        target = self.path(relative)
        make_directories(target.parent)
        # First, or what is written now would later be taken for an earlier result than the mirror's.
        self._keep_in_step()
        return target

    def _lying(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            relative = path.relative_to(self.root)
            if (path.is_file() or path.is_symlink()) and not any(part.startswith(".") for part in relative.parts):
                yield relative.as_posix()

    def _read(self) -> Manifest:
        path = self.root / MANIFEST
        return manifests.parse(path.read_bytes(), where=self.root.name) if path.is_file() else manifests.empty()

    def _keep_in_step(self) -> None:
        """Take in what other machines have committed, once: what is read of a layer is then of one result."""
        if self._in_step or self._there is None or not self._listed:
            return
        news = self._there.news()
        if news:
            make_directories(self.root)
            with self._lock():
                self._follow(news)
        self._in_step = True

    def _follow(self, news: Mapping[str, str], *, sparing: str = "") -> Manifest:
        """The manifest with what others have committed; see `Mirrored.follow`."""
        content = self._read()
        if self._there is not None and news:
            seen = self._there.follow(content, news, sparing=sparing)
            replace_file(self.root / MANIFEST, manifests.render(content))
            self._there.remember(seen)
        return content

    def _check(self, layer: str, files: Sequence[Artifact], content: Manifest) -> None:
        for file in files:
            path = self.path(file.path)
            if self._there is None and not path.is_file():
                raise ClipFolderError(
                    f"{file.path} cannot be committed to {layer}: it does not lie in {self.root.name}."
                )
            owner = content["files"].get(file.path, {"layer": layer})["layer"]
            if owner != layer:
                raise ClipFolderError(f"{file.path} belongs to the layer {owner}; {layer} cannot claim it.")

    def _publish(self, layer: str, content: Manifest) -> None:
        raw = manifests.render(content)
        path = self.root / MANIFEST
        if self._there is not None:
            self._there.committing(layer, content["layers"][layer]["fingerprint"])
        if not path.is_file() or path.read_bytes() != raw:
            replace_file(path, raw)
        if self._there is not None:
            self._there.publish(layer, content)
            self._there.push(path, MANIFEST)

    def _fetch(self, relative: str, target: Path) -> bool:
        if self._there is None:
            return False
        with scratch(target.parent) as part:
            if not self._there.fetch(relative, part):
                return False
            digest = digest_of(part)[0] if self._listed else ""
            # Compared and placed under the lock: another process here may take in a newer result meanwhile.
            with self._lock():
                listed = self._read()["files"].get(relative) if self._listed else None
                if listed and digest != listed["sha256"]:
                    raise ClipFolderError(
                        f"The mirror's {relative} of {self.root.name} is not the file that was written."
                    )
                settle(part, target)
        return True

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # The folder itself is locked, so that no lock file lies in what is delivered.
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
