"""Indexes of the few layer runs and looks at work that came to no judgement."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0029_jitter_windows_are_told_in_seconds"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="layerrun",
            index=models.Index(
                condition=models.Q(
                    ("current", True),
                    models.Q(
                        ("state__in", ["failed", "blocked", "no_engine"]),
                        models.Q(("unjudged", ""), _negated=True),
                        _connector="OR",
                    ),
                ),
                fields=["layer"],
                name="layerrun_unjudged",
            ),
        ),
        migrations.AddIndex(
            model_name="taskcheck",
            index=models.Index(
                condition=models.Q(("state", "failed"), models.Q(("skipped", {}), _negated=True), _connector="OR"),
                fields=["task"],
                name="taskcheck_unjudged",
            ),
        ),
    ]
