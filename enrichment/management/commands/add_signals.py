"""Lay series that were recorded with a clip (joint states, gripper opening, forces) under its time axis."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.errors import Refused
from annotation.models import Clip
from enrichment import signals


class Command(BaseCommand):
    help = (
        "Add files of series to a clip: CSV, Parquet (an episode of LeRobot too), JSON, JSON Lines or HDF5. A column "
        "called frame or time (seconds from the first frame) says where each row belongs, and one column per series "
        "holds its numbers, with its unit in brackets, as in 'gripper opening [m]'. Labels of grasps are compared with "
        "the one series whose name or unit says how far a gripper, fingers or jaws are open."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("clip", type=int, help="the clip's number")
        parser.add_argument("files", type=Path, nargs="+", help="one of the same name is replaced")

    def handle(self, *, clip: int, files: list[Path], **options: Any) -> None:
        found = Clip.objects.filter(pk=clip).first()
        if found is None:
            raise CommandError(f"There is no clip {clip}; the clips' numbers are in their addresses.")
        if missing := [str(path) for path in files if not path.is_file()]:
            raise CommandError(f"There is no file {', '.join(missing)}.")
        try:
            titles = signals.take_in(clip=found, paths=files)
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{found.name} has {len(titles)} more series: {', '.join(titles)}.")
