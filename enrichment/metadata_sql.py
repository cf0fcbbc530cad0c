"""SQL over the metadata of a project's clips: tables `frames` and `clips`, as metadata_schema.py describes them [E6].

DuckDB gets the clips' qualities, may open the files that hold the frames' rows, and is cut off from all other files,
the network and its own settings, so a query can do no more than read these tables, for a bounded time and in bounded
memory. The frames stay in their files, and metadata_parts.py says in which: a query reads the columns that it asks for.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from django.db.models import TextField
from django.db.models.functions import Cast

from annotation import clips
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from enrichment import gathering, metadata_parts, queue
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.metadata_parts import CLIP, Cover, Part
from enrichment.metadata_schema import CLIP_COLUMNS
from enrichment.models import ClipQuality

SECONDS: Final = 20.0
MEMORY: Final = "1GB"
MOST_ROWS: Final = 1000
# They tell where the server keeps its files.
_SYSTEM: Final = re.compile(
    r"\b(duckdb_\w+|pragma_\w+|current_setting|information_schema|pg_catalog|pg_\w+s|sqlite_\w+)\b", re.IGNORECASE
)
_TAKEN_APART: Final = """
    SELECT * EXCLUDE (details),
        TRY_CAST(details ->> '$.frames.complete' AS DOUBLE) AS completeness,
        TRY_CAST(details ->> '$.frames.frozen' AS DOUBLE) AS frozen,
        details ->> '$.frames.lighting' AS lighting,
        details ->> '$.frames.lighting_tone' AS lighting_tone,
        details ->> '$.surroundings.environment' AS environment,
        details ->> '$.surroundings.by' AS environment_by
    FROM scored
"""


@dataclass(frozen=True)
class Answer:
    """Names of columns, and rows; `more` when there were more rows than were asked for."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: bool


def query(*, project: Project, sql: str, most: int = MOST_ROWS) -> Answer:
    """Answer one SELECT over a project's `frames` and `clips`, as they are now.

    Raises:
        QueryRefused: there is nothing to ask, it is more than one SELECT, wrong, too long or too large; the sentence
            says which.
    """
    if not metadata_parts.done(project).exists():
        raise QueryRefused(_nothing(project))
    asked = _Asked(project, sql, most)
    try:
        return asked.answer()
    except _PartLost:
        return asked.answer()


class _PartLost(Exception):
    """What was put together was damaged, or put together with more meanwhile; a second look finds what is there."""


class _Asked:
    """One query on its way, what it reads, and the moment by which it must be answered."""

    def __init__(self, project: Project, sql: str, most: int) -> None:
        self._project = project
        self._sql = sql
        self._most = most
        self._until = time.monotonic() + SECONDS
        self._again = False
        self._cover = Cover()
        self._own: dict[Path, Clip] = {}

    def answer(self) -> Answer:
        """Raises QueryRefused; the first time _PartLost."""
        # Without a folder for what does not fit into memory a query writes nothing, and fills no disk.
        bounds: dict[str, Any] = {"threads": 2, "memory_limit": MEMORY, "temp_directory": ""}
        with duckdb.connect(":memory:", config=bounds) as connection:
            _must_be_one_select(connection, self._sql)
            try:
                return self._answer(connection)
            except duckdb.InterruptException as error:
                raise QueryRefused(self._too_long()) from error
            except duckdb.OutOfMemoryException as error:
                raise QueryRefused(f"The query needs more than {MEMORY} of memory; ask for less.") from error
            except duckdb.Error as error:
                if not self._again and self._lost_a_part(error):
                    self._again, self._own = True, {}
                    raise _PartLost from error
                raise QueryRefused(self._said(error)) from error

    def _answer(self, connection: duckdb.DuckDBPyConnection) -> Answer:
        late = threading.Event()

        def stop() -> None:
            late.set()
            connection.interrupt()

        limit = threading.Timer(max(0.0, self._until - time.monotonic()), stop)
        limit.start()
        try:
            self._lay_out(connection, late)
            if late.is_set():  # an interrupt between two statements is lost
                raise duckdb.InterruptException
            found = connection.execute(self._sql)
            rows = found.fetchmany(self._most + 1)
            columns = [str(column[0]) for column in found.description or ()]
        finally:
            limit.cancel()
        return Answer(columns, rows[: self._most], len(rows) > self._most)

    def _lay_out(self, connection: duckdb.DuckDBPyConnection, late: threading.Event) -> None:
        """Make the tables that are asked for, and shut the door behind them."""
        asked = self._sql.lower()
        if "clips" in asked:
            connection.register("scored", quality_table(self._project))
            connection.execute("CREATE TABLE clips AS SELECT * FROM scored")
            connection.unregister("scored")
        if "frames" in asked:
            self._cover = metadata_parts.cover(self._project)
            if len(self._cover.apart) >= gathering.LEAST:
                queue.send("enrichment.jobs.gather", self._project.pk, expires=gathering.AGAIN_AFTER)
            self._find_own(late)
        read = [*(part.path for part in self._cover.parts), *self._own]
        connection.execute(f"SET allowed_paths = {_listed(read)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET parquet_metadata_cache = true")  # they are opened here, and again by the query
        connection.execute("SET lock_configuration = true")
        if "frames" in asked and not read:
            raise QueryRefused(_nothing(self._project))
        if read:
            connection.execute(f"CREATE VIEW frames AS {self._rows()}")

    def _find_own(self, late: threading.Event) -> None:
        for row in metadata_parts.rows_of(self._cover.apart):
            if late.is_set():
                raise duckdb.InterruptException
            try:
                self._own[clips.folder(row.clip).expecting(row.fingerprint).local(TABLE_FILE)] = row.clip
            except ClipFolderError:
                continue  # its layer is about to be computed again

    def _rows(self) -> str:
        """A SELECT of all rows. A view takes no parameters; the paths are the server's own, and quoted."""
        parts = [([part.path for part in self._cover.whole], "")] if self._cover.whole else []
        for part, out in self._cover.partly:
            parts.append(([part.path], f" WHERE {CLIP} NOT IN ({', '.join(map(str, out.tolist()))})"))
        selects = [f"SELECT * EXCLUDE ({CLIP}) FROM {_reading(paths)}{but}" for paths, but in parts]  # noqa: S608
        if self._own:
            selects.append(f"SELECT * FROM {_reading(list(self._own))}")  # noqa: S608
        return " UNION ALL BY NAME ".join(selects)

    def _lost_a_part(self, error: duckdb.Error) -> bool:
        """Whether it failed over a part and not over the query; what is damaged is removed."""
        suspected = self._named(error)
        if not suspected and type(error) is duckdb.Error:  # some faults in files say nothing of the file
            suspected = self._cover.parts
        return metadata_parts.forget_damaged(suspected, until=self._until)

    def _named(self, error: duckdb.Error) -> list[Part]:
        """The parts that an error names."""
        reason = str(error).partition("\n\nLINE")[0]
        return [part for part in self._cover.parts if str(part.path) in reason]

    def _too_long(self) -> str:
        """The sentence for a query that was stopped."""
        count = metadata_parts.done(self._project).count()
        said = f"The query took longer than {SECONDS:.0f} s over the metadata of {count} clips"
        if len(self._cover.apart) < gathering.LEAST:
            return f"{said}; ask for less."
        return (
            f"{said}, of which {len(self._cover.apart)} still lie in a file each; a worker puts them together, so ask "
            "again in a few minutes."
        )

    def _said(self, error: duckdb.Error) -> str:
        """What is wrong with the query, or with which clip's file."""
        named = self._named(error)
        if not all(part.path.exists() for part in named):
            return f"The metadata of {self._project.name} was put together anew meanwhile; ask again."
        said = str(error).strip()
        # What follows quotes the statement, in which every file is named.
        reason = said.partition("\n\nLINE")[0]
        damaged = next((clip for path, clip in self._own.items() if str(path) in reason), None)
        if damaged is None and not named and type(error) is duckdb.Error:
            # No fault of the query's, and it does not say of which file.
            damaged = _unreadable(self._own, until=self._until)
        if damaged is None:
            quoted = reason if "read_parquet(" in said else said
            for part in named:
                quoted = quoted.replace(str(part.path), "metadata of several clips")
            return f"The query cannot be answered: {quoted}"
        return (
            f"{TABLE_FILE} of clip {damaged.name} ({damaged.pk}) is damaged or gone, so the project's frames cannot be "
            "read; let its layer metadata be computed again."
        )


def quality_table(project: Project) -> pa.Table:
    """A row for each scored clip of a project, in the columns that metadata_schema.py describes."""
    fields = ["clip", "clip__name", "clip__duration", "score", *ClipQuality.PARTS]
    scored = ClipQuality.objects.filter(project=project, scored_at__isnull=False).order_by("pk")
    # As text: to take it apart in Python would be most of the time.
    rows = list(scored.annotate(text=Cast("details", TextField())).values_list(*fields, "text"))
    columns = list(zip(*rows, strict=True)) or [()] * (len(fields) + 1)
    kinds = [pa.int64(), pa.string(), *[pa.float64()] * (len(fields) - 2), pa.string()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    table = pa.table(dict(zip([*list(CLIP_COLUMNS)[: len(fields)], "details"], arrays, strict=True)))
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.register("scored", table)
        return connection.sql(_TAKEN_APART).to_arrow_table()


def _nothing(project: Project) -> str:
    return f"No clip of {project.name} has metadata yet; let the layer metadata be computed first."


def _reading(paths: Sequence[Path]) -> str:
    return f"read_parquet({_listed(paths)}, union_by_name = true)"


def _listed(paths: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(each).replace("'", "''") + "'" for each in paths) + "]"


def _unreadable(files: Mapping[Path, Clip], *, until: float) -> Clip | None:
    """The first clip whose file is damaged, if it is found within the time of a query."""
    for path, clip in files.items():
        with suppress(OSError, MemoryError):  # which say nothing of the file
            if not metadata_parts.readable(path):
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
