"""Machine work of the ground floor. A job takes ids, calls one verb, and is safe to run twice."""

from __future__ import annotations

import time
import uuid

from celery import shared_task
from django.conf import settings

from annotation import clip_leftovers, uploads
from annotation.media import stills

# Longer than the longest inspection allowed, see `clips.limits`.
_LONGEST = 2 * 3600
_PRUNE_EVERY = 600.0


@shared_task(name=uploads.JOB, time_limit=_LONGEST)
def inspect_upload(upload_id: str) -> None:
    """Look through a file that was received whole."""
    uploads.inspect(upload_id=uuid.UUID(upload_id))


@shared_task(name="annotation.jobs.recover_uploads")
def recover_uploads() -> int:
    """Take up uploads whose message was lost or whose worker was killed; mostly one query that finds nothing."""
    return len(uploads.recover())


@shared_task(name="annotation.jobs.housekeep")
def housekeep() -> None:
    """Forget what nobody will ask for again: half uploads, staging folders of killed workers, old stills."""
    uploads.recover()
    uploads.tidy()
    clip_leftovers.sweep(older_than=24 * 3600.0)
    _prune_stills()


def _prune_stills() -> None:
    # Looking at every still takes a second once there are 100,000, so not every minute.
    mark = settings.STILLS_DIR / ".pruned"
    if mark.exists() and time.time() - mark.stat().st_mtime < _PRUNE_EVERY:
        return
    settings.STILLS_DIR.mkdir(parents=True, exist_ok=True)
    mark.touch()
    stills.prune(settings.STILLS_DIR, settings.STILLS_BYTES)
