"""Compare the keyframes of a project."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.models import Project
from enrichment import similarity
from enrichment.errors import EnrichmentError


class Command(BaseCommand):
    help = "Compare the keyframes of a project by their embeddings: clusters, near-duplicates, diversity of each clip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's short name")
        parser.add_argument("--engine", default="", help="whose embeddings; those of most clips by default")
        parser.add_argument("--method", choices=similarity.METHODS, default="kmeans")
        parser.add_argument("--clusters", type=int, default=similarity.DEFAULT_CLUSTERS, help="for kmeans")
        parser.add_argument("--threshold", type=float, default=0.95, help="a cosine above this is a near-duplicate")

    def handle(self, *, project: str, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        wanted = {name: options[name] for name in ("engine", "method", "clusters", "threshold")}
        try:
            said = similarity.survey(project=found, by=None, **wanted)
        except EnrichmentError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{said['keyframes']} keyframes by {said['engine']}: {len(said['clusters'])} clusters, "
            f"{said['duplicates']} near-duplicates (cosine above {said['threshold']:g})."
        )
        for each in said["diversity"][:10]:
            self.stdout.write(
                f"{each['name']:<32} {each['keyframes']:>5} keyframes, mean distance {each['mean_distance']:.3f}, "
                f"as many as {each['vendi']:.1f} unlike ones, {each['repeated']} repeated"
            )
        if said["left_out"]:
            self.stdout.write(f"Left out, without embeddings of this engine: {', '.join(said['left_out'][:10])}.")
        self.stdout.write(f"The table: {similarity.folder(found) / 'similarity.parquet'}")
