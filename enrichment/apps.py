"""What machines make of a clip: layers, the ledger of their work, cross-layer checks."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"

    def ready(self) -> None:
        # Receivers need models, which are not loaded before this.
        import_module("enrichment.receivers")
