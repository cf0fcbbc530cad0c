"""Fill an empty database with clips and the ledger of their layers: `python -m benchmarks.ledger_rows 500000`.

One run asked for all of it. Nine layers in ten are done; the rest waits in the queue, each with two batches.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from annotation import projects  # noqa: E402
from enrichment import progress, registry  # noqa: E402
from enrichment.models import Run  # noqa: E402

STATEMENTS = (
    """
    INSERT INTO annotation_clip (project_id, name, source_name, sha256, size, container, codec, width, height, rotation,
        frame_count, duration, fps, variable_rate, timestamps_synthesised, keyframes, scene, environment, device,
        session, site, contributor, licence, consent, added_at)
    SELECT %(project)s, 'clip ' || n, 'clip' || n || '.mp4', lpad(to_hex(n), 64, '0'), 1000, 'mp4', 'h264', 1280, 720,
        0, 60, 2.0, 30.0, false, false, '[0, 30]', '', '', '', '', '', {contributor}, '', {consent}, now()
    FROM generate_series(1, %(clips)s) n
    """,
    """
    INSERT INTO enrichment_layerrun (clip_id, layer, fingerprint, current, state, engine, engine_version, version,
        parameters, error, priority, seconds, attempts, failures, measure, batches_total, batches_done, files,
        created_at, changed_at, done_at)
    SELECT c.id, l.name, lpad(to_hex(c.id * 16 + l.n), 64, '0'), true,
        CASE WHEN c.id %% 10 = 0 THEN 'queued' ELSE 'done' END, 'engine', '1', '1', '{{}}', '', 70 + l.n, 1.5, 2, 0,
        0.8, 2, CASE WHEN c.id %% 10 = 0 THEN 0 ELSE 2 END, '[]', now() - random() * interval '30 days', now(),
        CASE WHEN c.id %% 10 = 0 THEN NULL ELSE now() - random() * interval '30 days' END
    FROM annotation_clip c CROSS JOIN unnest(%(layers)s) WITH ORDINALITY AS l(name, n)
    """,
    """
    INSERT INTO enrichment_batch (layer_run_id, index, start, "end", closing, queue, priority, state, attempts, worker,
        error)
    SELECT r.id, b.n, 0, 60, b.n = 1, 'cpu', r.priority,
        CASE WHEN r.state = 'done' THEN 'done' WHEN b.n = 0 THEN 'queued' ELSE 'waiting' END, 0, '', ''
    FROM enrichment_layerrun r CROSS JOIN generate_series(0, 1) AS b(n)
    """,
    "INSERT INTO enrichment_run_layer_runs (run_id, layerrun_id) SELECT %(run)s, id FROM enrichment_layerrun",
)


def main() -> None:
    clips = int(sys.argv[1])
    by = User.objects.create_superuser("bench")
    project = projects.create(name="Bench", slug="bench", by=by)
    layers = [name for name, layer in registry.every().items() if not layer.name.startswith("check_")][:9]
    run = Run.objects.create(project=project, by=by, layers=layers, clip_count=clips)
    values = {"project": project.pk, "clips": clips, "run": run.pk, "layers": layers}
    with transaction.atomic(), connection.cursor() as cursor:
        kinds = _kinds(cursor)
        for statement in STATEMENTS:
            cursor.execute(statement.format(**kinds), values)
        cursor.execute(
            "UPDATE enrichment_run SET planned_at = now(), clips = (SELECT jsonb_agg(id) FROM annotation_clip)"
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    progress.count_large()


def _kinds(cursor: object) -> dict[str, str]:
    """What an empty value is for columns that are text or JSON."""
    with connection.cursor() as asked:
        asked.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'annotation_clip'"
        )
        types = dict(asked.fetchall())
    return {name: "'{}'" if types[name] == "jsonb" else "''" for name in ("contributor", "consent")}


if __name__ == "__main__":
    main()
