"""Fill an empty database with clips, their tasks and flags, and the ledger of their layers: `… ledger_rows 500000`.

One run asked for nine layers. Nine clips in ten are done; the rest waits in the queue, each layer with two batches. Two
checks have looked at every clip, and one at every submitted task; of a hundred they could not judge one.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402

from annotation import projects  # noqa: E402
from annotation.models import Clip, Task  # noqa: E402
from enrichment import progress, registry  # noqa: E402
from enrichment.models import Batch, LayerRun, Run, TaskCheck  # noqa: E402
from review.models import Flag  # noqa: E402

CHECKS = ["check_depth_segmentation", "check_joint_limits"]
# What each row has beside its columns' defaults, as SQL over the rows of the last line.
ROWS: tuple[tuple[type[models.Model], dict[str, str], str], ...] = (
    (
        Clip,
        {
            "project_id": "%(project)s",
            "name": "'clip ' || n",
            "source_name": "'clip' || n || '.mp4'",
            "sha256": "lpad(to_hex(n), 64, '0')",
            "scene": "'kitchen ' || n %% 40",
            "quality": "random()",
            **{"size": "1000", "container": "'mp4'", "codec": "'h264'", "width": "1280", "height": "720"},
            **{"rotation": "0", "frame_count": "60", "duration": "2.0", "fps": "30.0", "keyframes": "'[0, 30]'"},
            "added_at": "now()",
        },
        "generate_series(1, %(clips)s) n",
    ),
    (
        Task,
        {
            **{"project_id": "project_id", "clip_id": "id", "start": "0", '"end"': "60", "priority": "id %% 3"},
            "state": "CASE WHEN id %% 10000 = 9 THEN 'sent_back' ELSE (ARRAY['open','open','open','open','open','open',"
            "'accepted','accepted','accepted','submitted'])[1 + id %% 10] END",
            "assignee_id": "CASE WHEN id %% 10 < 6 THEN NULL ELSE %(by)s END",
            "submitted_at": "CASE WHEN id %% 10 < 6 THEN NULL ELSE now() - random() * interval '30 days' END",
            **{"created_at": "now()", "changed_at": "now() - random() * interval '30 days'"},
        },
        "annotation_clip",
    ),
    (
        Flag,
        {
            **{"project_id": "project_id", "clip_id": "id", "start": "0", '"end"': "10", "severity": "1 + id %% 3"},
            "check_name": "(ARRAY['flow_vs_segmentation','pose_vs_time','actions_vs_motion'])[1 + id %% 3]",
            "fingerprint": "lpad(to_hex(id), 64, '0')",
            "state": "(ARRAY['open','open','fixed','dismissed'])[1 + (id / 5) %% 4]",
            **{"reason": "'The mask leaps.'", "created_at": "now() - random() * interval '30 days'"},
        },
        "annotation_clip WHERE id %% 5 = 0",
    ),
    (
        LayerRun,
        {
            **{"clip_id": "c.id", "layer": "l.name", "fingerprint": "lpad(to_hex(c.id * 16 + l.n), 64, '0')"},
            "state": "CASE WHEN c.id %% 10 = 0 THEN 'queued' ELSE 'done' END",
            **{"engine": "'engine'", "engine_version": "'1'", "version": "'1'", "priority": "70 + l.n"},
            **{"seconds": "1.5", "attempts": "2", "measure": "0.8", "batches_total": "2"},
            "batches_done": "CASE WHEN c.id %% 10 = 0 THEN 0 ELSE 2 END",
            **{"created_at": "now() - random() * interval '30 days'", "changed_at": "now()"},
            "done_at": "CASE WHEN c.id %% 10 = 0 THEN NULL ELSE now() - random() * interval '30 days' END",
        },
        "annotation_clip c CROSS JOIN unnest(%(layers)s) WITH ORDINALITY AS l(name, n)",
    ),
    (
        Batch,
        {
            **{"layer_run_id": "r.id", "index": "b.n", "start": "0", '"end"': "60", "closing": "b.n = 1"},
            "priority": "r.priority",
            "state": "CASE WHEN r.state = 'done' THEN 'done' WHEN b.n = 0 THEN 'queued' ELSE 'waiting' END",
        },
        "enrichment_layerrun r CROSS JOIN generate_series(0, 1) AS b(n)",
    ),
    (
        LayerRun,
        {
            **{"clip_id": "c.id", "layer": "l.name", "fingerprint": "lpad(to_hex(c.id * 16 + l.n), 64, '0')"},
            # One did not judge here and there, and one has no engine for what it needs, as all have at first.
            "state": "CASE l.n WHEN 1 THEN 'done' ELSE 'no_engine' END",
            **{"engine": "'engine'", "engine_version": "'1'", "version": "'1'", "attempts": "1"},
            "error": "CASE l.n WHEN 1 THEN '' ELSE 'It needs pose_3d, and there is no engine for that.' END",
            "unjudged": "CASE WHEN c.id %% 100 = 0 AND l.n = 1 THEN 'No scale here.' ELSE '' END",
            **{"created_at": "now()", "changed_at": "now()", "done_at": "now() - random() * interval '30 days'"},
        },
        "annotation_clip c CROSS JOIN unnest(%(checks)s) WITH ORDINALITY AS l(name, n)",
    ),
    (
        TaskCheck,
        {
            **{"task_id": "id", "version": "1", "state": "'done'", "done_at": "now()"},
            "skipped": "CASE id %% 100 WHEN 8 THEN jsonb_build_object('depth_vs_segmentation', 'No scale here.') "
            "ELSE '{}'::jsonb END",
        },
        "annotation_task WHERE state IN ('submitted', 'accepted')",
    ),
)


def main() -> None:
    clips = int(sys.argv[1])
    by = User.objects.create_superuser("bench")
    project = projects.create(name="Bench", slug="bench", by=by)
    layers = [name for name, layer in registry.every().items() if not layer.name.startswith("check_")][:9]
    run = Run.objects.create(project=project, by=by, layers=layers, clip_count=clips)
    values = {"project": project.pk, "clips": clips, "run": run.pk, "layers": layers, "checks": CHECKS, "by": by.pk}
    with transaction.atomic(), connection.cursor() as cursor:
        for model, columns, rows in ROWS:
            cursor.execute(insert(model, columns, rows), values)
        cursor.execute(
            "INSERT INTO enrichment_run_layer_runs (run_id, layerrun_id) SELECT %(run)s, id FROM enrichment_layerrun "
            "WHERE layer = ANY(%(layers)s)",
            values,
        )
        cursor.execute(
            "UPDATE enrichment_run SET planned_at = now(), clips = (SELECT jsonb_agg(id) FROM annotation_clip)"
        )
    with connection.cursor() as cursor:
        # As the server's own housekeeping leaves tables that have been there for a while.
        cursor.execute("VACUUM ANALYZE")
    progress.count_large()


def insert(model: type[models.Model], columns: dict[str, str], rows: str) -> str:
    """An INSERT … SELECT in which every column that is not named has the default of its field."""
    named = {column.strip('"'): expression for column, expression in columns.items()}
    for field in model._meta.concrete_fields:
        if field.column not in named and not field.primary_key and not field.null:
            named[field.column] = _literal(field)
    names = ", ".join(f'"{column}"' for column in named)
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(named.values())} FROM {rows}"


def _literal(field: Any) -> str:
    value = field.get_default()
    if isinstance(value, dict | list):
        return f"'{json.dumps(value)}'"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'{}'".format(str(value or "").replace("'", "''"))


if __name__ == "__main__":
    main()
