"""Which paths lie inside a folder: whoever writes or reads by a name that came from elsewhere asks here first."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from annotation.media.errors import ClipFolderError


class Inside:
    """The plain paths inside one folder, which need not be there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, Path] = {}

    def path(self, relative: str) -> Path:
        """Where a file of the folder lies, whether or not it is there.

        Raises:
            ClipFolderError: the path is absolute, leads outside, is hidden, or passes through a link that does.
        """
        directory, _, name = relative.rpartition("/")
        known = self._known.get(directory)
        # A layer writes hundreds of files into one directory: only the first of them is looked at part by part.
        if known and name and not relative.startswith("/") and not ("\\" in name or "\0" in name or name[0] == "."):
            return known / name
        parts = PurePosixPath(relative).parts
        plain = relative and "\\" not in relative and "\0" not in relative and not relative.startswith("/")
        if not plain or any(part.startswith(".") for part in parts) or "/".join(parts) != relative:
            raise ClipFolderError(f"{relative!r} is not a plain path inside a clip folder.")
        target = self._root.joinpath(*parts)
        if not target.parent.resolve().is_relative_to(self._root.resolve()):
            raise ClipFolderError(f"{relative!r} leads out of the clip folder through a link.")
        self._known[directory] = target.parent
        return target
