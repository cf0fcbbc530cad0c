"""SQL over the metadata of a project's clips: tables `frames` and `clips`, as metadata_schema.py describes them [E6].

DuckDB gets the clips' qualities, may open the clips' Parquet files, and is cut off from all other files, the network
and its own settings, so a query can do no more than read these tables, for a bounded time and in bounded memory. The
frames stay in their files: a query reads the columns that it asks for.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

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
# They tell where the server keeps its files.
_SYSTEM: Final = re.compile(
    r"\b(duckdb_\w+|pragma_\w+|current_setting|information_schema|pg_catalog|pg_\w+s|sqlite_\w+)\b", re.IGNORECASE
)


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
    scored = quality_table(project)
    # Without a folder for what does not fit into memory a query writes nothing, and fills no disk.
    bounds: dict[str, Any] = {"threads": 2, "memory_limit": MEMORY, "temp_directory": ""}
    with duckdb.connect(":memory:", config=bounds) as connection:
        _must_be_one_select(connection, sql)
        late = threading.Event()

        def stop() -> None:
            late.set()
            connection.interrupt()

        limit = threading.Timer(SECONDS, stop)
        limit.start()
        try:
            _lay_out(connection, scored, list(files))
            if late.is_set():  # an interrupt between two statements is lost
                raise duckdb.InterruptException
            found = connection.execute(sql)
            rows = found.fetchmany(most + 1)
            columns = [str(column[0]) for column in found.description or ()]
        except duckdb.InterruptException as error:
            raise QueryRefused(
                f"The query took longer than {SECONDS:.0f} s over the metadata of {len(files)} clips; ask for less."
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise QueryRefused(f"The query needs more than {MEMORY} of memory; ask for less.") from error
        except duckdb.Error as error:
            raise QueryRefused(_said(error, files)) from error
        finally:
            limit.cancel()
    return Answer(columns, rows[:most], len(rows) > most)


def quality_table(project: Project) -> pa.Table:
    """A row for each scored clip of a project, in the columns that metadata_schema.py describes."""
    fields = ["clip", "clip__name", "clip__duration", "score", *ClipQuality.PARTS]
    told = {"frames": ("complete", "frozen", "lighting", "lighting_tone"), "surroundings": ("environment", "by")}
    scored = ClipQuality.objects.filter(project=project, scored_at__isnull=False).order_by("pk")
    rows = [
        (*row, *(details.get(part, {}).get(key) for part, keys in told.items() for key in keys))
        for *row, details in scored.values_list(*fields, "details")
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(CLIP_COLUMNS)
    numbers, words = [pa.float64()] * (len(fields) - 2), [pa.string()] * 4
    kinds = [pa.int64(), pa.string(), *numbers, pa.float64(), pa.float64(), *words]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(dict(zip(CLIP_COLUMNS, arrays, strict=True)))


def _files(project: Project) -> dict[Path, Clip]:
    done = LayerRun.objects.current().filter(layer="metadata", state=LayerRun.State.DONE, clip__project=project)
    found = {}
    for row in done.select_related("clip").order_by("clip_id"):
        try:
            found[clips.folder(row.clip).expecting(row.fingerprint).local(TABLE_FILE)] = row.clip
        except ClipFolderError:
            continue  # its layer is about to be computed again
    return found


def _lay_out(connection: duckdb.DuckDBPyConnection, scored: pa.Table, files: Sequence[Path]) -> None:
    """Make the tables, and shut the door behind them."""
    connection.register("scored", scored)
    connection.execute("CREATE TABLE clips AS SELECT * FROM scored")
    connection.unregister("scored")
    paths = "[" + ", ".join("'" + str(each).replace("'", "''") + "'" for each in files) + "]"
    connection.execute(f"SET allowed_paths = {paths}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET parquet_metadata_cache = true")  # they are opened here, and again by the query
    connection.execute("SET lock_configuration = true")
    # A view takes no parameters; the paths are the server's own, and quoted.
    connection.execute(f"CREATE VIEW frames AS SELECT * FROM read_parquet({paths}, union_by_name = true)")  # noqa: S608


def _said(error: duckdb.Error, files: Mapping[Path, Clip]) -> str:
    """What is wrong with the query, or with which clip's file."""
    said = str(error).strip()
    # What follows quotes the statement, in which every file is named.
    reason = said.partition("\n\nLINE")[0]
    damaged = next((clip for path, clip in files.items() if str(path) in reason), None)
    if damaged is None and type(error) is duckdb.Error:  # no fault of the query's, and it does not say of which file
        damaged = _unreadable(files)
    if damaged is None:
        quoted = reason if "read_parquet(" in said else said
        return f"The query cannot be answered: {quoted}"
    return (
        f"{TABLE_FILE} of clip {damaged.name} ({damaged.pk}) is damaged or gone, so the project's frames cannot be "
        "read; let its layer metadata be computed again."
    )


def _unreadable(files: Mapping[Path, Clip]) -> Clip | None:
    """The first clip whose file cannot be read, if it is found within the time of a query."""
    until = time.monotonic() + SECONDS
    for path, clip in files.items():
        try:
            pq.read_table(path)
        except (OSError, pa.ArrowException):
            return clip
        if time.monotonic() > until:
            break
    return None


def _must_be_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefused(f"The query cannot be read: {str(error).strip()}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused("Write one SELECT over the tables frames and clips; nothing else is answered.")
    if _SYSTEM.search(sql):
        raise QueryRefused("The database's own tables and settings are not answered; ask for frames and clips.")
