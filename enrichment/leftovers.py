"""What killed workers and deleted clips leave behind on a machine.

Each machine cleans its own, as nobody else sees its disk: the first of its workers to come by once an hour.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from typing import Final

from django.conf import settings

from annotation import clip_leftovers, clips
from annotation.media import durable
from annotation.models import Clip
from enrichment import batches
from enrichment.models import Batch, from_now

log = logging.getLogger(__name__)

EVERY: Final = 3600.0
# What nobody has touched for so long belongs to no worker that is still at it.
_OLD: Final = 24 * 3600.0
# Disks may note only once a day that a file was read.
_IDLE: Final = 26 * 3600.0


def sweep() -> bool:
    """Clean up below LOUPE_HOME, unless another worker of this machine did lately or is about it.

    Returns:
        Whether it did.

    Raises:
        OSError: the disk is away; what is left is cleaned another time.
    """
    settings.CLIPS_DIR.mkdir(parents=True, exist_ok=True)
    with (settings.CLIPS_DIR / ".swept").open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if mark.tell() and time.time() - os.fstat(mark.fileno()).st_mtime < EVERY:
            return False
        pieces, folders = batches.sweep(), clip_leftovers.sweep(older_than=_OLD)
        if pieces or folders:
            log.info("Removed the pieces of %d layer runs and %d folders that nobody needs.", pieces, folders)
        if parts := _remove_half_written():
            log.info("Removed %d files that killed workers had not finished.", parts)
        _make_room()
        mark.truncate(0)
        mark.write("swept")
    return True


def _remove_half_written() -> int:
    """Only where work was done of late: to look through every clip there is would take minutes an hour."""
    lately = Batch.objects.filter(done_at__gt=from_now(-3 * _OLD)).values("layer_run__clip")
    there = (clip.folder for clip in Clip.objects.filter(pk__in=lately).iterator())
    return sum(durable.remove_half_written(folder, older_than=_OLD) for folder in there if folder.is_dir())


def _make_room() -> None:
    try:
        freed = clip_leftovers.make_room(clips.mirror(), idle=_IDLE)
    except Exception:
        # Whatever a storage raises that is away: the disk is looked at again in an hour.
        log.warning("Local copies of clips could not be removed.", exc_info=True)
        return
    if freed:
        log.info("Removed %.1f GB of clips from this machine; object storage has them.", freed / 1e9)
