"""`manage.py deliver PROJECT --format F --out DIR`: make a delivery here and now, checked before it appears."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.models import Project
from delivery import deliveries
from delivery.errors import DeliveryError
from delivery.filters import DEFAULT_STATUS, STATES
from delivery.formats import registry
from delivery.models import Delivery


class Command(BaseCommand):
    help = "Write a project's annotations into a folder that is not there yet; it appears only when it is whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="slug of the project")
        parser.add_argument("--format", required=True, choices=sorted(registry.every()))
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder that is not there yet")
        parser.add_argument("--status", choices=sorted(STATES), default=DEFAULT_STATUS, help="review status")
        parser.add_argument("--label", action="append", default=[], metavar="KEY", help="only this label; repeatable")
        parser.add_argument(
            "--clip", action="append", default=[], type=int, metavar="N", help="only this clip; repeatable"
        )
        parser.add_argument("--images", choices=("png", "jpg", "none"), help="COCO: how pictures are written (png)")
        parser.add_argument("--again", type=int, metavar="DELIVERY", help="the revisions that this delivery pinned")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no project {options['project']!r}; there are: {known}.")
        try:
            asked = self._asked(project, options)
        except DeliveryError as error:
            raise CommandError(str(error)) from error
        made = deliveries.run(delivery_id=asked.pk)
        if made.state != Delivery.State.DONE:
            self.stderr.write(f"{made.said_state}: {made.reason}")
            sys.exit(1)
        counts = ", ".join(f"{number:,} {name}" for name, number in made.counts.items())
        self.stdout.write(f"{made.folder}: {counts}; {made.files:,} files, {made.size:,} bytes, checked.")
        self.stdout.write(f"SHA-256 of SHA256SUMS: {made.digest}")

    def _asked(self, project: Project, options: dict[str, Any]) -> Delivery:
        out = str(options["out"].expanduser().resolve())
        if options["again"]:
            first = Delivery.objects.filter(project=project, pk=options["again"]).select_related("project").first()
            if first is None:
                raise CommandError(f"{project.name} has no delivery {options['again']}.")
            return deliveries.again(delivery=first, by=None, format=options["format"], destination=out)
        filters = {"review_status": options["status"], "labels": options["label"], "clips": options["clip"]}
        chosen = {"images": options["images"]} if options["images"] else {}
        return deliveries.request(
            project=project, format=options["format"], filters=filters, options=chosen, by=None, destination=out
        )
