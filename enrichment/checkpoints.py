"""Where batches leave what they computed until the whole layer is published.

Pieces lie outside the clip folder, so that nothing half-done is ever in it, and old files stay whole while a layer is
computed anew. They are written like the clip folder's own files: a piece that has its name is whole.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from annotation.media.artifacts import Artifact, PendingPath
from annotation.media.clip_folder import ClipFolder
from annotation.media.durable import Seal, make_directories
from annotation.media.errors import ClipFolderError
from enrichment.errors import MissingPiece


class Pieces:
    """The pieces of one layer run.

    Args:
        folder: the clip's checkpoint folder, with the same mirror as the clip folder.
        name: directory in it, of this layer and fingerprint alone.
    """

    def __init__(self, folder: ClipFolder, name: str) -> None:
        self._folder = folder
        self._name = name
        # What the batch at hand has left, with what tells of each afterwards if it was written here and now.
        self._left: dict[str, PendingPath | None] = {}

    @property
    def directory(self) -> Path:
        """Where the pieces lie on this machine."""
        return self._folder.root / self._name

    def write(self, piece: str, data: bytes) -> None:
        """Write a piece, whole or not at all."""
        self._write(piece, lambda file: file.write(data), len(data))

    @contextmanager
    def of_batch(self, number: int) -> Iterator[None]:
        """Bring the pieces written inside to the disk beside the work; all are there when the block has ended well.

        Which ones they are is then noted under the batch's number, see `are_left`.
        """
        self._left.clear()
        with self._folder.together():
            yield
        seals = {piece: pending.seal if pending else None for piece, pending in sorted(self._left.items())}
        self.write_json(_list_of(number), {piece: seal and astuple(seal) for piece, seal in seals.items()})

    def are_left(self, numbers: Iterable[int]) -> set[int]:
        """Of some batches those whose pieces are all there, here or in the mirror."""
        there = self._folder.names(self._name)
        known = [number for number in numbers if _list_of(number) in there]
        return {number for number in known if self._is_left(number, there)}

    def _is_left(self, number: int, there: set[str]) -> bool:
        try:
            return set(self.read_json(_list_of(number))) <= there
        except (MissingPiece, ValueError):
            return False  # swept away or damaged meanwhile: computed again

    @contextmanager
    def writing(self, piece: str) -> Iterator[BinaryIO]:
        """Open a piece for writing that is there only when the block ends well."""
        with self._folder.writing(f"{self._name}/{piece}") as file:
            yield file
        self._left[piece] = file.pending

    def write_json(self, piece: str, content: object) -> None:
        """Write plain values as JSON."""
        self.write(piece, json.dumps(content, separators=(",", ":")).encode())

    def write_array(self, piece: str, array: NDArray[Any]) -> None:
        """Write one array as .npy. It must not be written to afterwards: it goes to the disk beside the work."""
        self._write(piece, partial(_save, array), array.nbytes)

    def write_arrays(self, piece: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays by name as .npz, compressed."""
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        self.write(piece, file.getvalue())

    def has(self, piece: str) -> bool:
        """Whether the piece is there, here or in the mirror; then the batch that asks need not write it again."""
        try:
            self.path(piece)
        except MissingPiece:
            return False
        self._left.setdefault(piece)
        return True

    def is_here(self, piece: str) -> bool:
        """As `has`, on this machine alone: cheap enough to be asked for every frame of a first attempt."""
        here = os.path.isfile(self._folder.path(f"{self._name}/{piece}"))  # noqa: PTH113 - twice as fast as Path's
        if here:
            self._left.setdefault(piece)
        return here

    def path(self, piece: str) -> Path:
        """Where the piece lies.

        Raises:
            MissingPiece: it is not there.
        """
        try:
            return self._folder.local(f"{self._name}/{piece}")
        except ClipFolderError as error:
            raise MissingPiece(
                f"The piece {piece} of {self._name} is gone; its batch has to be computed again."
            ) from error

    def read_json(self, piece: str) -> Any:
        """Plain values from JSON; raises MissingPiece."""
        return json.loads(self.path(piece).read_bytes())

    def read_array(self, piece: str) -> NDArray[Any]:
        """One array from .npy; raises MissingPiece."""
        with self.path(piece).open("rb") as stored:
            return np.asarray(np.load(stored, allow_pickle=False))

    def read_arrays(self, piece: str) -> dict[str, NDArray[Any]]:
        """Arrays by name from .npz; raises MissingPiece."""
        with np.load(self.path(piece), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def join(self, parts: Sequence[str], piece: str) -> tuple[int, ...]:
        """Write arrays that batches left as one, along the first axis, with one of them in memory at a time.

        Returns:
            The shape of the whole.

        Raises:
            ValueError: they are not of one kind.
        """
        heads = [self._head(part) for part in parts]
        kinds = {(shape[1:], dtype) for shape, dtype in heads}
        if len(kinds) > 1:
            raise ValueError(f"Batches left arrays that do not belong together: {sorted(map(str, kinds))}.")
        [(rest, dtype)] = kinds
        whole = (sum(shape[0] for shape, _ in heads), *rest)
        head = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": whole}  # type: ignore[no-untyped-call]
        with self.writing(piece) as file:
            npy.write_array_header_1_0(file, head)  # type: ignore[no-untyped-call]
            for part in parts:
                file.write(self.read_array(part).tobytes())
        return whole

    def _head(self, piece: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """An array's shape and dtype; the array is not read."""
        with self.path(piece).open("rb") as stored:
            npy.read_magic(stored)  # type: ignore[no-untyped-call]
            shape, _, dtype = npy.read_array_header_1_0(stored)  # type: ignore[no-untyped-call]
            return shape, dtype

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        """A file without a name, for what does not fit into memory while pieces are put together; then it is gone."""
        make_directories(self.directory)
        with tempfile.TemporaryFile(dir=self.directory) as file:
            yield file

    def publish(self, piece: str, folder: ClipFolder, relative: str) -> Artifact:
        """Make a piece a file of the clip folder, without copying where the disk allows; raises MissingPiece.

        Nor is it read: an hour's flow is 60 GB. What it was hashed as when it was written is what the manifest lists.
        """
        source = self.path(piece)
        with folder.writing_path(relative, self._seals.get(piece)) as pending:
            try:
                os.link(source, pending.path)
            except OSError:
                shutil.copyfile(source, pending.path)
        return pending.whole

    @cached_property
    def _seals(self) -> dict[str, Seal]:
        """Of the pieces that batches on this machine have written."""
        seals: dict[str, Seal] = {}
        for path in sorted(self.directory.glob("left_by_*.json")):
            with suppress(AttributeError, ValueError):  # a list as it was written without seals, or a damaged one
                seals |= {piece: Seal(*seal) for piece, seal in json.loads(path.read_bytes()).items() if seal}
        return seals

    def _write(self, piece: str, write: Callable[[BinaryIO], object], held: int) -> None:
        self._left[piece] = self._folder.write_beside(f"{self._name}/{piece}", write, held)

    def clear(self) -> None:
        """Remove all pieces, here and in the mirror."""
        self._folder.remove(self._name)


def directory_name(layer: str, fingerprint: str) -> str:
    """The directory of one layer run's pieces."""
    return f"{layer}-{fingerprint[:16]}"


def _list_of(batch: int) -> str:
    return f"left_by_{batch:05d}.json"


def _save(array: NDArray[Any], file: BinaryIO) -> None:
    if array.flags.c_contiguous and array.dtype.kind in "biuf":
        # The bytes of np.save, which copies what it writes to any file but one that it has opened itself.
        npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))  # type: ignore[no-untyped-call]
        file.write(array.reshape(-1).view(np.uint8).data)
    else:
        np.save(file, array, allow_pickle=False)
