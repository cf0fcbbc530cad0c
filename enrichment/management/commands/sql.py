"""Ask a project's metadata with SQL."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.models import Project
from enrichment import gathering, metadata_sql
from enrichment.errors import EnrichmentError
from enrichment.metadata_schema import COLUMNS


class Command(BaseCommand):
    help = "Answer one SELECT over the table `frames` of a project as CSV. Without a query, its columns are listed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's short name")
        parser.add_argument("query", nargs="?", default="", help="one SELECT, as in: SELECT * FROM frames LIMIT 5")
        parser.add_argument("--most", type=int, default=1_000_000, help="rows at most")

    def handle(self, *, project: str, query: str, most: int, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        if not query:
            for name, meaning in COLUMNS.items():
                self.stdout.write(f"{name:<28} {meaning}")
            return
        try:
            # Whoever asks here may have no worker that does it, and can wait.
            gathering.gather(found, tell=self.stderr.write)
        except OSError as error:
            self.stderr.write(f"The metadata could not be put together, so this may take longer: {error}")
        try:
            answer = metadata_sql.query(project=found, sql=query, most=most)
        except EnrichmentError as error:
            raise CommandError(str(error)) from error
        writer = csv.writer(self.stdout)
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
        if answer.more:
            self.stderr.write(f"There are more than {most} rows; give --most.")
