"""SQL over the metadata of a project's clips: tables `frames` and `clips`, as metadata_schema.py describes them [E6].

DuckDB reads the clips' Parquet files and their qualities into memory and is then cut off from files, network and its
own settings, so a query can do no more than read these tables, for a bounded time and in bounded memory.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from annotation import clips
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.metadata_schema import CLIP_COLUMNS
from enrichment.models import ClipQuality, LayerRun

SECONDS: Final = 20.0
MEMORY: Final = "1GB"
MOST_ROWS: Final = 1000


@dataclass(frozen=True)
class Answer:
    """Names of columns, and rows; `more` when there were more rows than were asked for."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: bool


def query(*, project: Project, sql: str, most: int = MOST_ROWS) -> Answer:
    """Answer one SELECT over a project's `frames` and `clips`.

    Raises:
        QueryRefused: there is nothing to ask, it is more than one SELECT, wrong, too long or too large; the sentence
            says which.
    """
    files = _files(project)
    if not files:
        raise QueryRefused(f"No clip of {project.name} has metadata yet; let the layer metadata be computed first.")
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": MEMORY}) as connection:
        _must_be_one_select(connection, sql)
        connection.execute(
            "CREATE TABLE frames AS SELECT * FROM read_parquet(?, union_by_name = true)",
            [[str(each) for each in files]],
        )
        connection.register("scored", quality_table(project))
        connection.execute("CREATE TABLE clips AS SELECT * FROM scored")
        connection.unregister("scored")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        limit = threading.Timer(SECONDS, connection.interrupt)
        limit.start()
        try:
            found = connection.execute(sql)
            rows = found.fetchmany(most + 1)
            columns = [str(column[0]) for column in found.description or ()]
        except duckdb.InterruptException as error:
            raise QueryRefused(f"The query took longer than {SECONDS:.0f} s; ask for less.") from error
        except duckdb.OutOfMemoryException as error:
            raise QueryRefused(f"The query needs more than {MEMORY} of memory; ask for less.") from error
        except duckdb.Error as error:
            raise QueryRefused(f"The query cannot be answered: {str(error).strip()}") from error
        finally:
            limit.cancel()
    return Answer(columns, rows[:most], len(rows) > most)


def quality_table(project: Project) -> pa.Table:
    """A row for each scored clip of a project, in the columns that metadata_schema.py describes."""
    fields = ["clip", "clip__name", "clip__duration", "score", *ClipQuality.PARTS]
    rows = ClipQuality.objects.filter(project=project, scored_at__isnull=False).order_by("pk").values_list(*fields)
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    kinds = [pa.int64(), pa.string(), *[pa.float64()] * (len(fields) - 2)]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(dict(zip(CLIP_COLUMNS, arrays, strict=True)))


def _files(project: Project) -> list[Any]:
    done = LayerRun.objects.current().filter(layer="metadata", state=LayerRun.State.DONE, clip__project=project)
    found = []
    for clip in Clip.objects.filter(pk__in=done.values("clip")).order_by("pk"):
        try:
            found.append(clips.folder(clip).local(TABLE_FILE))
        except ClipFolderError:
            continue  # its layer is about to be computed again
    return found


def _must_be_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefused(f"The query cannot be read: {str(error).strip()}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused("Write one SELECT over the tables frames and clips; nothing else is answered.")
