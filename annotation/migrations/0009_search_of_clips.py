"""Clips in the order of their names by an index, and a search in half a million of them that reads few rows.

PostgreSQL finds parts of names by trigrams. Where its extension pg_trgm is not installed, or this role may not create
it, searching reads every row of a project, as before. Whoever creates the extension later makes the index by the
statement below.
"""

from __future__ import annotations

from typing import Any

from django.db import ProgrammingError, migrations, models, transaction

# As Django asks for `name__icontains`: UPPER("name"::text) LIKE UPPER('%word%').
INDEX = """
    CREATE INDEX IF NOT EXISTS clip_search ON annotation_clip
    USING gin (UPPER(name::text) gin_trgm_ops, UPPER(scene::text) gin_trgm_ops)
"""


def add_trigrams(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        # A savepoint: what is refused here must not undo the rest of the migration.
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
            if cursor.fetchone() is None:
                return
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(INDEX)
    except ProgrammingError:
        return


def remove_trigrams(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS clip_search")


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0008_paid_calls"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="clip",
            index=models.Index(fields=["project", "name", "id"], name="clip_by_name"),
        ),
        migrations.RunPython(add_trigrams, remove_trigrams),
    ]
