"""A project's metadata.parquet files put together into few, which queries read instead of one file for each clip [E6].

A part holds the rows of some thousand clips and says which results they are. A query takes from it what the ledger
still calls current; what was computed since, or is in no part yet, it reads from the clip's own file. So an answer is
as fresh as the ledger, whatever parts there are: each is written whole, never changed, and may be lost or lie here
twice. They are written by gathering.py.
"""

from __future__ import annotations

import base64
import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from annotation.media.durable import scratch, settle
from annotation.models import Project
from enrichment.models import LayerRun
from enrichment.models.ledger import LayerRunQuerySet

log = logging.getLogger(__name__)

# (n, 3): the clip, its layer run, and when that was last changed, in microseconds since 1970. One that was computed
# again, or brought back, has changed.
Keys = NDArray[np.int64]

# Whose row it is. What the file itself says is not relied upon: it may have come from elsewhere.
CLIP: Final = "_clip"
_KEYS: Final = b"loupe_keys"
_ROW_GROUP: Final = 50_000
_AT_ONCE: Final = 5_000
_LOOKS: Final = 3


@dataclass(frozen=True)
class Part:
    """A file of rows of many clips, in the order of clips and frames."""

    path: Path
    keys: Keys
    rows: int
    schema: pa.Schema


@dataclass
class Cover:
    """Where the rows of a project's clips are read: parts as they are, parts without some clips, and clips' own files.

    `useless`: parts that no clip needs.
    """

    whole: list[Part] = field(default_factory=list)
    partly: list[tuple[Part, NDArray[np.int64]]] = field(default_factory=list)
    useless: list[Part] = field(default_factory=list)
    apart: Keys = field(default_factory=lambda: np.empty((0, 3), np.int64))

    @property
    def parts(self) -> list[Part]:
        """Those that are read."""
        return [*self.whole, *(part for part, _ in self.partly)]


def folder(project: Project) -> Path:
    """Where a project's parts lie."""
    return home() / f"{project.pk:08d}"


def home() -> Path:
    """Where the parts of all projects lie."""
    return settings.CLIPS_DIR / ".metadata"


def done(project: Project) -> LayerRunQuerySet:
    """The layer runs whose metadata is there."""
    return LayerRun.objects.current().filter(layer="metadata", state=LayerRun.State.DONE, clip__project=project)


def keys_of(runs: LayerRunQuerySet) -> Keys:
    """What stands for these results, by clip."""
    # As text, in UTC on every database: a hundred thousand moments take Python longer than all the rest of a query.
    said = runs.order_by().annotate(moment=Cast("changed_at", TextField()))
    rows = list(said.values_list("clip_id", "pk", "moment"))
    if not rows:
        return np.empty((0, 3), np.int64)
    clip, run, moment = zip(*rows, strict=True)
    plain = pc.replace_substring_regex(pa.array(moment, pa.string()), r"\+00(:00)?$", "")
    moments = plain.cast(pa.timestamp("us")).cast(pa.int64())
    keys = np.stack([np.array(clip, np.int64), np.array(run, np.int64), moments.to_numpy()], axis=1)
    return keys[np.argsort(keys[:, 0], kind="stable")]


def rows_of(keys: Keys) -> Iterator[LayerRun]:
    """The layer runs of keys with their clips, in the same order; without those that do not count any more."""
    still = LayerRun.objects.current().filter(state=LayerRun.State.DONE)
    for start in range(0, len(keys), _AT_ONCE):
        runs = still.filter(pk__in=keys[start : start + _AT_ONCE, 1].tolist()).order_by("clip_id")
        yield from runs.select_related("clip").only("fingerprint", "clip__name")


def cover(project: Project) -> Cover:
    """Where a project's rows are read now."""
    current = keys_of(done(project))
    found, missing = Cover(), np.ones(len(current), bool)
    for part in there(project):
        at = np.minimum(np.searchsorted(current[:, 0], part.keys[:, 0]), len(current) - 1)
        # A clip is read from one part, should it be in two.
        live = (current[at] == part.keys).all(axis=1) & missing[at] if len(current) else np.zeros(len(part.keys), bool)
        missing[at[live]] = False
        if live.all():
            found.whole.append(part)
        elif live.any():
            found.partly.append((part, part.keys[~live, 0]))
        else:
            found.useless.append(part)
    found.apart = current[missing]
    return found


def there(project: Project) -> list[Part]:
    """The parts of a project by their first clip; one that cannot be opened is not there."""
    for _ in range(_LOOKS):
        paths = sorted(folder(project).glob("*.parquet"))
        found = [part for part in map(_opened, paths) if part is not None]
        if all(path.exists() for path in paths):
            break  # else it was put together with others, in a part that was not seen yet
    return sorted(found, key=lambda part: int(part.keys[0, 0]))


def _opened(path: Path) -> Part | None:
    try:
        content = pq.read_metadata(path)
        keys = np.frombuffer(base64.b64decode((content.metadata or {})[_KEYS]), "<i8").reshape(-1, 3)
        return Part(path, keys, content.num_rows, content.schema.to_arrow_schema()) if len(keys) else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, pa.ArrowException):
        log.warning("%s is damaged; its clips are read from their own files.", path)
        return None


def write(project: Project, table: pa.Table, keys: Keys) -> Path:
    """Lay down a part, whole or not at all.

    Args:
        project: whose it is.
        table: rows with the column CLIP.
        keys: which results they are; a clip without measured frames has a key and no rows.

    Raises:
        OSError: the disk is full or not writable.
    """
    ordered = table.sort_by([(CLIP, "ascending"), ("frame", "ascending")])
    said = {_KEYS: base64.b64encode(np.ascontiguousarray(keys, "<i8").tobytes())}
    target = folder(project) / f"{secrets.token_hex(12)}.parquet"
    with scratch(target.parent) as coming:
        pq.write_table(ordered.replace_schema_metadata(said), coming, compression="zstd", row_group_size=_ROW_GROUP)
        settle(coming, target)
    return target


def forget_damaged(parts: Sequence[Part], *, until: float) -> bool:
    """Remove parts that cannot be read to the end; returns whether there were any, or some are gone already.

    Args:
        parts: those that are suspected; one at least is looked at.
        until: the moment, by time.monotonic, after which no other one is.
    """
    found = False
    for part in parts:
        try:
            if not readable(part.path):
                part.path.unlink(missing_ok=True)
                found = True
        except (OSError, MemoryError):
            log.warning("%s could not be looked at.", part.path, exc_info=True)
        if time.monotonic() > until:
            break
    return found


def readable(path: Path) -> bool:
    """Whether a Parquet file is there and can be read to its end.

    Raises:
        OSError: the disk is away, which says nothing of the file.
        MemoryError: as little does this.
    """
    try:
        # Piece by piece: a part is as large as it may be in memory while it is made.
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except (OSError, pa.ArrowException) as error:
        if not is_damage(error):
            raise
        log.warning("%s cannot be read to its end: %s", path, error)
        return False
    return True


def is_damage(error: Exception) -> bool:
    """Whether an error in reading a file is due to the file, damaged or gone, and not to the disk or the memory."""
    if isinstance(error, OSError):
        # For what it finds wrong within a file pyarrow makes one without the number that the system gives its own.
        return error.errno is None or isinstance(error, FileNotFoundError)
    return not isinstance(error, MemoryError)
