"""A Celery worker whose only layer takes an engine with weights: run as `python -m` with the worker's words."""

from __future__ import annotations

import sys

import django

from config import celery_app

django.setup()

from tests.enrichment.layers import only  # noqa: E402
from tests.enrichment.offered import COUNTER, Pixels, offering  # noqa: E402

if __name__ == "__main__":
    with only(Pixels), offering(COUNTER):
        celery_app.worker_main(sys.argv[1:])
