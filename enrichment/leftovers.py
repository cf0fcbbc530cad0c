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

from annotation import clips
from enrichment import batches

log = logging.getLogger(__name__)

EVERY: Final = 3600.0
# What nobody has touched for so long belongs to no worker that is still at it.
_OLD: Final = 24 * 3600.0


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
        pieces, folders = batches.sweep(), clips.sweep(older_than=_OLD)
        if pieces or folders:
            log.info("Removed the pieces of %d layer runs and %d folders that nobody needs.", pieces, folders)
        mark.truncate(0)
        mark.write("swept")
    return True
