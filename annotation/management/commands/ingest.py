"""`manage.py ingest PROJECT PATH…`: take in files and folders from this machine."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import about, ingest
from annotation.errors import AnnotationError
from annotation.models import Membership, Project


class Command(BaseCommand):
    help = (
        "Take in videos and folders of pictures as clips. Folders are searched to the bottom; a folder that holds "
        "pictures and no video is one clip. Every file is decoded once before anything of it is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's short name, as in its address")
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        for field in about.TEXTS:
            if field != "name":
                parser.add_argument(f"--{field}", default="", help=f"the {field} of every clip")
        parser.add_argument("--age-range", default="", help="the contributor's, such as 30-39")
        parser.add_argument("--handedness", default="", help="the contributor's: left, right, both")
        parser.add_argument("--fps", type=_rate, default=Fraction(30), help="rate of folders of pictures (default 30)")
        parser.add_argument("--by", default="", help="who adds them; by default the project's first manager")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no project {options['project']!r}; the projects are: {known}.")
        contributor = {field: options[field] for field in about.CONTRIBUTOR}
        given = {field: options[field] for field in about.TEXTS if field != "name"} | {"contributor": contributor}
        refused = 0
        try:
            for outcome in ingest.ingest(
                project=project,
                paths=options["paths"],
                about=given,
                by=_person(project, options["by"]),
                rate=options["fps"],
                progress=self._progress if self.stderr.isatty() else None,
            ):
                refused += outcome.verdict == "refused"
                self._say(outcome)
        except AnnotationError as error:
            raise CommandError(str(error)) from error
        if refused:
            sys.exit(1)

    def _say(self, outcome: ingest.Outcome) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")
        sentence = outcome.sentence
        if outcome.verdict == "added":
            self.stdout.write(self.style.SUCCESS(f"{outcome.path}: added as {sentence}"))
        elif outcome.verdict == "here":
            self.stdout.write(f"{outcome.path}: {sentence}")
        else:
            self.stdout.write(self.style.ERROR(f"{outcome.path}: refused because {sentence}"))

    def _progress(self, path: Path, done: int, total: int) -> None:
        share = f"{done / total:4.0%}" if total else f"{done} frames"
        self.stderr.write(f"\r\033[K{path.name}: looking through it, {share}", ending="")


def _person(project: Project, username: str) -> User | None:
    if username:
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no person {username!r}.")
        return person
    first = project.memberships.filter(role=Membership.Role.MANAGER).select_related("user").order_by("id").first()
    return first.user if first else None


def _rate(raw: str) -> Fraction:
    """Argparse turns a ValueError into its own sentence."""
    try:
        rate = Fraction(raw)
    except ZeroDivisionError as error:
        raise ValueError(raw) from error
    if rate <= 0:
        raise ValueError(raw)
    return rate
