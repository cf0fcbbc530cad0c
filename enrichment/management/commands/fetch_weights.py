"""Fetch an engine's weights from the Hugging Face hub."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from enrichment import fetching
from enrichment.errors import EnrichmentError


class Command(BaseCommand):
    help = "Fetch an engine's weights from the Hugging Face hub into LOUPE_WEIGHTS: safetensors only, of one commit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="hub id or engine; `manage.py engines` lists them")
        parser.add_argument("--revision", default="", help="commit, branch or tag; the newest when none is pinned")

    def handle(self, *, name: str, revision: str, **_: Any) -> None:
        try:
            hub = fetching.wanted(name)
            # Not at the top: the client comes with `make models`.
            source = importlib.import_module("enrichment.hub").HuggingFace()
            self.stdout.write(f"Fetching {hub.id} ({hub.licence}) …")
            done = fetching.fetch(hub, settings.WEIGHTS_DIR, source, revision)
        except EnrichmentError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{name} cannot be laid below {settings.WEIGHTS_DIR}: {error.strerror or error}. Make room, or set "
                "LOUPE_WEIGHTS to a folder that can be written to; what was loaded so far is kept for the next try."
            ) from error
        except ModuleNotFoundError as error:
            raise CommandError(f"The package {error.name} is not installed; `make models` installs it.") from error
        self.stdout.write(f"{done.folder} holds commit {done.commit}, SHA-256 {done.sha256}.")
