from django.db import migrations

# A stroke's least speed was told a frame, at the 30 pictures a second that its default was meant for.
RATE = 30.0
LAYERS = ("check_actions_motion", "actions")


def a_second(apps, schema_editor):
    _scale(apps, RATE)


def a_frame(apps, schema_editor):
    _scale(apps, 1 / RATE)


def _scale(apps, factor):
    for each in apps.get_model("enrichment", "LayerSetting").objects.filter(layer__in=LAYERS):
        speed = each.parameters.get("least_speed")
        if isinstance(speed, int | float):
            each.parameters["least_speed"] = round(speed * factor, 9)
            each.save(update_fields=["parameters"])


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0025_comparisons_that_are_waited_for")]

    operations = [migrations.RunPython(a_second, a_frame)]
