"""The Celery application. Jobs take ids, fetch, and call one verb; the database remembers what is to be done."""

from __future__ import annotations

import os

from celery import Celery

from config import file_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

file_broker.install()
app = Celery("loupe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")
