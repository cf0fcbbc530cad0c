"""Convert weights that are published as a pickle only."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from enrichment import adopting, engine
from enrichment.errors import EnrichmentError


class Command(BaseCommand):
    help = "Convert weights that are published as a pickle only to safetensors in LOUPE_WEIGHTS, in a separate process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("engine", help="such as raft")
        parser.add_argument("file", type=Path, help="a .pth or .pt with a state dict")
        parser.add_argument("--name", default="", help="of the folder; the file's by default")

    def handle(self, *, file: Path, name: str, **options: Any) -> None:
        wanted = options["engine"]
        takes = {offer.name: offer for offer in engine.every.every().values() if offer.adopt is not None}
        if wanted not in takes:
            raise CommandError(f"No engine {wanted!r} takes converted weights; {', '.join(takes) or 'none'} would.")
        try:
            done = adopting.adopt(takes[wanted], file, settings.WEIGHTS_DIR, name)
        except EnrichmentError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{file} cannot be converted below {settings.WEIGHTS_DIR}: {error.strerror or error}. Make room or set "
                "LOUPE_WEIGHTS to a folder that can be written to."
            ) from error
        self.stdout.write(f"{done.folder} holds {file.name}, SHA-256 {done.sha256}.")
