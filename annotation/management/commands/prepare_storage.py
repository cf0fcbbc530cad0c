"""`manage.py prepare_storage`: make the bucket that the settings name, before the first clip is to be stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from annotation import clips


class Command(BaseCommand):
    help = "Make the object storage ready for clips. What is there already is left alone; run it as often as you like."

    def handle(self, **options: Any) -> None:
        mirror = clips.mirror()
        if mirror is None:
            self.stdout.write(
                "No object storage is configured: clips lie in LOUPE_HOME, and nothing has to be prepared."
            )
            return
        mirror.prepare()
        self.stdout.write("The object storage is ready.")
