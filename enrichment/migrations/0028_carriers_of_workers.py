"""Workers tell what carries masks there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0027_requests_planned_in_slices"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="carriers",
            field=models.JSONField(default=list),
        ),
    ]
