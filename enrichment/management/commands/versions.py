"""Older versions of layers' results: list them with their size, and drop them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Sum

from annotation.models import Project
from enrichment import kept
from enrichment.models import LayerRun


class Command(BaseCommand):
    help = "List the older versions of layers that a project keeps, with their size on disk; with --drop, remove them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's short name")
        parser.add_argument("--layer", default="", help="this layer only")
        parser.add_argument("--clip", type=int, default=0, help="the number of a clip; this one only")
        parser.add_argument(
            "--beyond", type=int, default=0, metavar="N", help="leave the latest N of each layer and clip"
        )
        parser.add_argument("--drop", action="store_true", help="remove them for good; what is current stays")

    def handle(self, *, project: str, layer: str, clip: int, beyond: int, drop: bool, **_: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no project {project!r}; there are: {known}.")
        if beyond < 0:
            raise CommandError(f"--beyond is {beyond}, but it must be 0 or more.")
        chosen = kept.of_project(found)
        if layer:
            chosen = chosen.filter(layer=layer)
        if clip:
            chosen = chosen.filter(clip=clip)
        if beyond:
            chosen = LayerRun.objects.kept().filter(pk__in=kept.beyond(chosen, beyond))
        rows = chosen.order_by().values("layer").annotate(count=Count("*"), bytes=Sum("kept_bytes")).order_by("layer")
        for row in rows:
            self.stdout.write(f"{row['layer']:<24} {row['count']:>8} versions {row['bytes'] / 1e6:>12,.1f} MB")
        if not rows:
            self.stdout.write(f"No older versions are kept in {found.name}.")
        elif drop:
            count, freed = kept.drop(project=found, kept=chosen, by=None)
            self.stdout.write(f"Dropped {count} versions, {freed / 1e6:,.1f} MB.")
