"""The demo project, with or without a server."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from frontend import demo


class Command(BaseCommand):
    help = "Make the demo project: three rendered clips, annotated, faulted and new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--leave-to-workers", action="store_true", help="let workers compute the layers instead of this process"
        )

    def handle(self, *, leave_to_workers: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo's passwords are known to everybody; it is not made with LOUPE_PRODUCTION=1.")
        settings.HOME.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        demo.make(report=self.stdout.write)
        if not leave_to_workers:
            call_command("enrich", demo.SLUG, here=True, stdout=self.stdout)
        self.stdout.write(f"\nThe demo project is ready. Everybody's password is {demo.PASSWORD}")
        for name, role in demo.LOGINS:
            self.stdout.write(f"  {name:<8}{role.label}")
