"""What people and statistics say of the work: flags, reviews, agreement, sampling, figures per person and project."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "review"

    def ready(self) -> None:
        # Receivers need models, which are not loaded before this.
        import_module("review.receivers")
