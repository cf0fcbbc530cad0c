"""Putting the metadata of a project's clips together into parts, which metadata_parts.py describes.

Nothing depends on it but the time that queries take, so it may be killed at any point, and two may do it at once: what
both have written lies there twice until the next look.
"""

from __future__ import annotations

import fcntl
import heapq
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.utils import timezone
from numpy.typing import NDArray

from annotation import clips
from annotation.media.durable import PART, make_directories
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from enrichment import metadata_parts, queue
from enrichment.layers.metadata import TABLE_FILE
from enrichment.metadata_parts import CLIP, Cover, Keys, Part
from enrichment.models import LayerRun

log = logging.getLogger(__name__)

# So many files of their own a query opens in a moment.
LEAST: Final = 256
# A part is full with so many clips, or so many rows: they are held in memory to be sorted.
MOST_CLIPS: Final = 4096
MOST_ROWS: Final = 400_000
# So long a worker is at it before others have their turn; and so long after it was asked, it is asked again anyway.
SECONDS: Final = 60.0
AGAIN_AFTER: Final = 300.0
# A look at every project finds what the looks at busy ones have missed.
_LATELY: Final = timedelta(minutes=15)
_EVERY_PROJECT: Final = 6 * 3600.0
_LEFT_BY_THE_KILLED: Final = 3600.0
_AT_ONCE: Final = 5_000
# So many parts' rows are held in memory at most.
_IN_HAND: Final = 2

# A part, and the clips in it that are not read there any more.
_Left = tuple[Part, NDArray[np.int64]]


@dataclass(frozen=True)
class _Piece:
    """Rows to be written, with the column CLIP, and which results they are; `part` is where they come from, if any."""

    table: pa.Table
    keys: Keys
    part: Part | None = None


def _first_clip(piece: _Piece) -> int:
    return int(piece.keys[0, 0])


def look_round() -> None:
    """Have gathered where clips were measured lately, now and then everywhere; remove what gone projects have left."""
    mark = metadata_parts.home() / ".looked"
    projects = Project.objects.all()
    if mark.exists() and time.time() - mark.stat().st_mtime < _EVERY_PROJECT:
        lately = LayerRun.objects.filter(layer="metadata", done_at__gte=timezone.now() - _LATELY)
        projects = projects.filter(pk__in=list(lately.order_by().values_list("clip__project", flat=True).distinct()))
    else:
        make_directories(mark.parent)
        mark.touch()
        known = {metadata_parts.folder(project) for project in projects}
        for left in set(mark.parent.glob("[0-9]*")) - known:
            shutil.rmtree(left, ignore_errors=True)
    for pk in projects.order_by("pk").values_list("pk", flat=True):
        queue.send("enrichment.jobs.gather", pk, expires=AGAIN_AFTER)


def work(project: Project) -> None:
    """Gather for a while. What is left is another job: uploads and deliveries wait in the same line."""
    if gather(project, seconds=SECONDS):
        queue.send("enrichment.jobs.gather", project.pk, expires=AGAIN_AFTER)


def gather(project: Project, *, seconds: float = math.inf, tell: Callable[[str], object] = log.info) -> int:
    """Put together what lies apart, where that is worth it, and drop from parts what is not current any more.

    Args:
        project: whose clips.
        seconds: after which no further part is begun.
        tell: is given a sentence on how far it is, now and then.

    Returns:
        How many clips were taken from their own files; 0, too, while another process is at it.

    Raises:
        OSError: the disk is full or not writable; queries are as right as before.
    """
    with _alone(metadata_parts.folder(project)) as alone:
        if not alone:
            return 0
        found = metadata_parts.cover(project)
        for part in found.useless:
            part.path.unlink(missing_ok=True)
        apart = found.apart if len(found.apart) >= LEAST else found.apart[:0]
        taken, until = 0, time.monotonic() + seconds
        for pieces in _heaps(heapq.merge(_of_parts(_to_rewrite(project, found)), _of_files(apart), key=_first_clip)):
            taken += _put_down(project, pieces)
            if taken:  # else parts alone were rewritten
                tell(f"The metadata of {taken} of {len(apart)} clips of {project.name} is put together.")
            if time.monotonic() > until:
                break
        return taken


class _Heap:
    """Pieces in hand that can be one table."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self._schema = pa.schema([])
        self._clips = self._rows = 0

    def takes(self, piece: _Piece) -> bool:
        """Lay a piece on it, unless that does not fit the others."""
        if (schema := _one(self._schema, piece.table.schema)) is None:
            return False
        self._schema = schema
        self.pieces.append(piece)
        self._clips, self._rows = self._clips + len(piece.keys), self._rows + len(piece.table)
        return True

    @property
    def fullness(self) -> float:
        """How much of a part it is; full from 1.0 on."""
        return max(self._clips / MOST_CLIPS, self._rows / MOST_ROWS)


def _heaps(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """As many of them at a time as make a part.

    What another version has written quite otherwise makes parts of its own. They are filled side by side; when much is
    in hand, the fullest goes before it is full.
    """
    heaps: list[_Heap] = []
    for piece in pieces:
        if not any(heap.takes(piece) for heap in heaps):
            heaps.append(_Heap())
            heaps[-1].takes(piece)
        fullest = max(heaps, key=lambda heap: heap.fullness)
        if fullest.fullness >= 1 or sum(heap.fullness for heap in heaps) >= _IN_HAND:
            heaps.remove(fullest)
            yield fullest.pieces
    yield from (heap.pieces for heap in heaps)


def _one(schema: pa.Schema, other: pa.Schema) -> pa.Schema | None:
    """A schema that holds what both hold; None where the same column is quite another thing in them."""
    if (other := other.remove_metadata()) == schema:
        return schema
    try:
        return pa.unify_schemas([schema, other], promote_options="permissive").remove_metadata()
    except pa.ArrowException:
        return None


def _to_rewrite(project: Project, found: Cover) -> list[_Left]:
    """Parts that hold much, or anything of a removed clip, that no query reads; then small ones may join them.

    Small ones join what lies apart, too, or each other, so that there are never many.
    """
    lefts = [*found.partly, *((part, np.empty(0, np.int64)) for part in found.whole)]
    left_out = np.unique(np.concatenate([out for _, out in lefts])) if lefts else np.empty(0, np.int64)
    gone = np.setdiff1d(left_out, _clips_there(project, left_out))
    spoiled = [(part, out) for part, out in lefts if 4 * len(out) > len(part.keys) or np.isin(out, gone).any()]
    small = [(part, out) for part, out in lefts if 2 * len(part.keys) < MOST_CLIPS and 2 * part.rows < MOST_ROWS]
    if len(found.apart) < LEAST and not spoiled:
        small = [(part, out) for part, out in small if any(_fit(part, other) for other, _ in small)]
    chosen = {part.path: (part, out) for part, out in [*spoiled, *small]}
    return sorted(chosen.values(), key=lambda each: int(each[0].keys[0, 0]))


def _fit(part: Part, other: Part) -> bool:
    """Whether two parts can be one."""
    return part.path != other.path and _one(part.schema, other.schema) is not None


def _clips_there(project: Project, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    some = (ids[start : start + _AT_ONCE].tolist() for start in range(0, len(ids), _AT_ONCE))
    there = [pk for each in some for pk in Clip.objects.of(project).filter(pk__in=each).values_list("pk", flat=True)]
    return np.array(there, np.int64)


def _of_parts(chosen: list[_Left]) -> Iterator[_Piece]:
    """What is still read of parts; one that is damaged is removed, and its clips lie apart again.

    Raises:
        OSError: the disk is away.
    """
    for part, out in chosen:
        try:
            table = pq.ParquetFile(part.path).read()
        except (OSError, pa.ArrowException) as error:
            if not metadata_parts.is_damage(error):
                raise
            log.warning("%s cannot be read and is made again.", part.path, exc_info=True)
            part.path.unlink(missing_ok=True)
            continue
        kept = ~np.isin(part.keys[:, 0], out)
        yield _Piece(table.filter(pa.array(~np.isin(table[CLIP].to_numpy(), out))), part.keys[kept], part)


def _of_files(apart: Keys) -> Iterator[_Piece]:
    """What clips' own files hold; one that is damaged or gone stays apart, where a query says whose it is."""
    key_of = dict(zip(apart[:, 1].tolist(), apart, strict=True))
    for row in metadata_parts.rows_of(apart):
        try:
            path = clips.folder(row.clip).expecting(row.fingerprint).local(TABLE_FILE)
            table = pq.ParquetFile(path).read(use_threads=False)
        except (ClipFolderError, OSError, pa.ArrowException) as error:
            log.warning("%s of clip %d is not gathered: %s", TABLE_FILE, row.clip_id, error)
            continue
        whose = pa.array(np.full(len(table), row.clip_id, np.int64))
        yield _Piece(table.append_column(CLIP, whose), key_of[row.pk][None])


def _put_down(project: Project, pieces: list[_Piece]) -> int:
    """Write one part of pieces, and remove the parts that they come from; returns how many were clips' own files."""
    if len(pieces) == 1 and (part := pieces[0].part) is not None and len(part.keys) == len(pieces[0].keys):
        return 0  # nothing that lay apart fits it
    own = np.concatenate([np.empty((0, 3), np.int64), *(piece.keys for piece in pieces if piece.part is None)])
    # Looked at again: a file may have been replaced between the look at the ledger and the reading.
    still = {
        tuple(key) for key in metadata_parts.keys_of(metadata_parts.done(project).filter(pk__in=own[:, 1].tolist()))
    }
    wanted = [piece for piece in pieces if piece.part is not None or tuple(piece.keys[0]) in still]
    if not wanted:
        return 0
    table = pa.concat_tables([piece.table for piece in wanted], promote_options="permissive")
    metadata_parts.write(project, table, np.concatenate([piece.keys for piece in wanted]))
    for piece in wanted:
        if piece.part is not None:
            piece.part.path.unlink(missing_ok=True)
    return sum(piece.part is None for piece in wanted)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else on this machine gathers in a folder; what killed ones have left half is removed."""
    make_directories(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        for left in folder.glob(f"{PART}*"):
            if time.time() - left.stat().st_mtime > _LEFT_BY_THE_KILLED:
                left.unlink(missing_ok=True)
        yield True
    finally:
        os.close(handle)
