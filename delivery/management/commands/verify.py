"""`manage.py verify DIR`: is a delivered folder whole and sound?"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from delivery.verify import describe, verify

_SHOWN = 100


class Command(BaseCommand):
    help = "Check a delivered folder: every byte against SHA256SUMS, and the format against itself. Exit code 1 if not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", type=Path, help="the delivered folder")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["dir"]
        problems = list(islice(verify(root), _SHOWN))
        for problem in problems:
            self.stderr.write(f"{root / problem.path}: {problem.sentence}")
        if problems:
            more = "at least " if len(problems) == _SHOWN else ""
            self.stderr.write(f"{root} is not as it was delivered: {more}{len(problems)} problems.")
            sys.exit(1)
        told = describe(root)
        counts = ", ".join(f"{number:,} {name}" for name, number in told["counts"].items())
        self.stdout.write(f"{root} is whole: {told['format']}, {counts}.")
