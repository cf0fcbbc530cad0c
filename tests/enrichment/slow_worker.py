"""A Celery worker at whose only layer every batch takes a second: run as `python -m` with the worker's words."""

from __future__ import annotations

import sys
import time

import django

from config import celery_app

django.setup()

from enrichment.layer import Context, Span  # noqa: E402
from tests.enrichment.layers import Numbers, only  # noqa: E402

SECONDS = 1.0


class Slow(Numbers):
    """One frame a batch, one batch a second."""

    batch_frames = 1

    def compute(self, context: Context, span: Span) -> None:
        time.sleep(SECONDS)
        super().compute(context, span)


if __name__ == "__main__":
    with only(Slow):
        celery_app.worker_main(sys.argv[1:])
