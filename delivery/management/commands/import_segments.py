"""`manage.py import_segments TASK FILE…`: take in action segments that were labelled elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.errors import AnnotationError
from annotation.models import Task
from delivery import incoming
from delivery.errors import DeliveryError
from delivery.timeline_readers import READERS


class Command(BaseCommand):
    help = "Take action segments from CSV, JSON, ELAN or Label Studio files into a task, as its annotator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task", type=int, help="number of the task, as in its address")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=sorted(READERS.every()), default="", help="by default told by the name")
        parser.add_argument(
            "--word", action="append", default=[], metavar="THEIRS=OURS", help="what a class of the file is called here"
        )
        parser.add_argument("--trial", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        task = Task.objects.select_related("project", "clip", "assignee").filter(pk=options["task"]).first()
        if task is None:
            raise CommandError(f"There is no task {options['task']}.")
        if task.assignee is None:
            raise CommandError(f"Task {task.pk} is with nobody; segments are its annotator's, so let someone take it.")
        words = dict(_pair(told) for told in options["word"])
        for path in options["files"]:
            try:
                taken = incoming.take_segments(
                    task=task,
                    content=path.read_bytes(),
                    name=path.name,
                    by=task.assignee,
                    format=options["format"],
                    words=words,
                    trial=options["trial"],
                )
            except (AnnotationError, DeliveryError, OSError) as error:
                raise CommandError(f"{path}: {error}") from error
            self.stdout.write(f"{path}: {len(taken.made)} segments taken in, {taken.known} were there already.")
            for unknown in taken.unknown:
                self.stdout.write(f"  the taxonomy lacks {unknown.word!r}; name it with --word")
            for sentence in taken.notes:
                self.stdout.write(f"  {sentence}")
            for sentence in taken.left_out:
                self.stdout.write(f"  left out: {sentence}")


def _pair(told: str) -> tuple[str, str]:
    theirs, sign, ours = told.rpartition("=")
    if not sign or not theirs:
        raise CommandError(f"{told!r} says nothing; write --word 'what the file says=what the taxonomy says'.")
    return theirs, ours
