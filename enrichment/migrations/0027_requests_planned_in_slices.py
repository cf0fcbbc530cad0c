"""How far the planning of a request is, so that a large one is planned in slices."""

from django.db import migrations, models
from django.db.models import F


def all_of_what_is_planned(apps, schema_editor):
    apps.get_model("enrichment", "Run").objects.exclude(planned_at=None).filter(error="").update(
        clips_planned=F("clip_count")
    )


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0026_speeds_are_told_a_second"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="clips_planned",
            field=models.PositiveIntegerField(default=0, help_text="how many of `clips` the ledger holds so far"),
        ),
        migrations.AddField(
            model_name="run",
            name="told_at",
            field=models.DateTimeField(
                blank=True,
                help_text="when the broker was last told to plan it, or some of it was planned",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(condition=models.Q(("planned_at", None)), fields=["id"], name="run_unplanned"),
        ),
        migrations.RunPython(all_of_what_is_planned, migrations.RunPython.noop, elidable=True),
    ]
