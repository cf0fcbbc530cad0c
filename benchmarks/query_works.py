"""Queries over metadata, on SQLite. Rows and files are written directly: it is the query that is measured.

Run through benchmarks/processes.py; the number is of clips.
"""

from __future__ import annotations

import sys
import time
from statistics import median

import django
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

django.setup()

from django.db import connection, transaction  # noqa: E402

from annotation.models import Clip, Project  # noqa: E402
from benchmarks import works  # noqa: E402
from benchmarks.ledger_rows import insert  # noqa: E402
from enrichment import gathering, metadata_parts, metadata_sql  # noqa: E402
from enrichment.layers import metadata  # noqa: E402
from enrichment.models import ClipQuality, LayerRun  # noqa: E402

# Measured frames of a clip of two seconds, and clips whose rows lie in their own files.
FRAMES, APART = 12, gathering.LEAST - 1
SCENES = 40
_NUMBERS = "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %(clips)s) SELECT n FROM c)"
_CLIP = {
    **{"project_id": "%(project)s", "name": "'clip ' || n", "source_name": "'clip' || n || '.mp4'", "size": "1000"},
    **{"sha256": "printf('%%064x', n)", "container": "'mp4'", "codec": "'h264'"},
    **{"width": "1280", "height": "720", "frame_count": "60", "duration": "2.0", "fps": "30.0"},
    "added_at": "'2026-01-01'",
}
_DONE = {
    **{"clip_id": "id", "layer": "'metadata'", "fingerprint": "sha256", "state": "'done'", "version": "'2'"},
    **{"created_at": "added_at", "changed_at": "'2026-01-01 00:00:00.125'", "done_at": "added_at"},
}
_SCORED = {
    **{"clip_id": "id", "project_id": "project_id", "score": "id %% 1000 / 1000.0", "frames": "0.8", "coverage": "0.7"},
    **{"stale": "0", "scored_at": "added_at"},
    "details": """'{"frames": {"complete": 1.0, "frozen": 0.1, "lighting": "even", "lighting_tone": "warm"}, """
    """"surroundings": {"environment": "kitchen", "by": "5 captions"}, "pose": {"why": "nobody is in it"}}'""",
}


def by_scene(clips: int) -> tuple[int, float]:
    """How many frames, and how good, of each scene."""
    sql = "SELECT clip_scene, count(*), round(avg(score), 3) FROM frames GROUP BY 1 ORDER BY 1"
    answer, seconds = _asked(clips, sql)
    if sum(row[1] for row in answer.rows) != clips * FRAMES or len(answer.rows) != SCENES:
        raise RuntimeError(f"{answer.rows} are not the frames of {clips} clips.")
    return clips, seconds


def worst(clips: int) -> tuple[int, float]:
    """The worst clips with all their parts."""
    answer, seconds = _asked(clips, "SELECT * FROM clips ORDER BY quality, clip_id")
    if len(answer.rows) != metadata_sql.MOST_ROWS or answer.rows[0][3] != 0.0:
        raise RuntimeError(f"{answer.rows[0]} is not the worst of {clips} clips.")
    return clips, seconds


def _asked(clips: int, sql: str) -> tuple[metadata_sql.Answer, float]:
    project = _filled(clips)
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        answer = metadata_sql.query(project=project, sql=sql)
        taken.append(time.perf_counter() - began)
    return answer, median(taken)


def _filled(clips: int) -> Project:
    """A project with so many clips, all with the rows of its first one, under their own numbers and of their scenes."""
    first, _ = works.table(FRAMES * metadata.Parameters().measure_every)
    works.layers(first, "metadata")
    table = pq.read_table(first.folder / metadata.TABLE_FILE)
    project = first.project
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert(Clip, _CLIP, _NUMBERS), {"project": project.pk, "clips": clips - 1})
        for model, columns in ((LayerRun, _DONE), (ClipQuality, _SCORED)):
            cursor.execute(insert(model, columns, "annotation_clip WHERE id > %(first)s"), {"first": first.pk})
    keys = metadata_parts.keys_of(metadata_parts.done(project))
    together, apart = keys[: clips - APART], keys[clips - APART :]
    for start in range(0, len(together), gathering.MOST_CLIPS):
        some = together[start : start + gathering.MOST_CLIPS]
        whose = pa.array(np.repeat(some[:, 0], FRAMES))
        metadata_parts.write(project, _like(table, some[:, 0]).append_column(metadata_parts.CLIP, whose), some)
    for clip in Clip.objects.filter(pk__in=apart[:, 0].tolist()):
        clip.folder.mkdir(parents=True)
        pq.write_table(_like(table, np.array([clip.pk])), clip.folder / metadata.TABLE_FILE, compression="zstd")
    return project


def _like(table: pa.Table, ids: NDArray[np.int64]) -> pa.Table:
    """The rows of a clip once for each of others."""
    found = pa.concat_tables([table] * len(ids)).combine_chunks()
    whose = np.repeat(ids, len(table))
    scenes = pa.array([f"kitchen {number % SCENES}" for number in whose])
    for name, column in {"clip_id": pa.array(whose), "clip_scene": scenes}.items():
        found = found.set_column(found.column_names.index(name), name, column)
    return found


if __name__ == "__main__":
    works.main({"by_scene": by_scene, "worst": worst}[sys.argv[1]], int(sys.argv[2]))
