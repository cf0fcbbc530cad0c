from django.db import migrations

# The window of the check of pose against time was told in frames, at the 30 pictures a second that its default was
# meant for. Seconds were below one even then.
RATE = 30.0
LAYER = "check_pose_time"


def in_seconds(apps, schema_editor):
    for each in apps.get_model("enrichment", "LayerSetting").objects.filter(layer=LAYER):
        window = each.parameters.get("jitter_window")
        if isinstance(window, int | float) and window >= 1:
            each.parameters["jitter_window"] = round(window / RATE, 9)
            each.save(update_fields=["parameters"])


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0028_carriers_of_workers")]

    operations = [migrations.RunPython(in_seconds, migrations.RunPython.noop)]
