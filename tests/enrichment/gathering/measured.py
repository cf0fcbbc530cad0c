"""Clips with metadata, and what queries and the disk say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.contrib.auth.models import User

from annotation.models import Clip, Project
from enrichment import compute, metadata_parts, metadata_sql, runs
from enrichment.layers.metadata import TABLE_FILE

ALL = "SELECT * FROM frames ORDER BY clip_id, frame"


def measure(project: Project, by: User, **parameters: Any) -> None:
    """Have the metadata of the clips computed that have a source."""
    if parameters:
        runs.configure(project=project, layer="metadata", parameters=parameters, by=by)
    with_source = project.clips.exclude(name__startswith="copy")
    run = runs.request(project=project, by=by, layers=["metadata"], clips=list(with_source), tell=False)
    runs.plan(run)
    compute.work_here(run)


def lay(clip: Clip, table: pa.Table) -> None:
    """Write a clip's own file, with its number and its name in every row."""
    clip.folder.mkdir(parents=True, exist_ok=True)
    named = {"clip_id": pa.array([clip.pk] * len(table)), "clip_name": pa.array([clip.name] * len(table))}
    for name, column in named.items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, clip.folder / TABLE_FILE)


def ask(project: Project, sql: str = ALL) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in metadata_sql.query(project=project, sql=sql, most=100_000).rows]


def parts(project: Project) -> list[Path]:
    return [part.path for part in metadata_parts.there(project)]


def clips_of(project: Project) -> list[int]:
    return [row[0] for row in ask(project, "SELECT DISTINCT clip_id FROM frames ORDER BY 1")]


def spoil(path: Path, how: str) -> None:
    """Damage a file."""
    whole = path.read_bytes()
    spoiled = {
        "cut short": whole[: len(whole) // 2],
        "spoiled within": whole[:4] + bytes(len(whole) // 4) + whole[4 + len(whole) // 4 :],
        "of something else": b"no table",
    }
    path.write_bytes(spoiled[how])
