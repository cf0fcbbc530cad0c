"""What lies among the clips and belongs to none, or need not lie on this machine; see enrichment/leftovers.py, too."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from annotation.media import local_copies
from annotation.media.artifacts import Mirror
from annotation.models import Clip

log = logging.getLogger(__name__)

# Before the name of a folder that a clip is being laid down in, and of one that turned out to belong to none.
INCOMING = ".incoming-"
_ORPHAN = ".orphan-"
_KEEP_ORPHANS = 7 * 24 * 3600.0


def sweep(*, older_than: float) -> int:
    """Remove staging folders that killed workers left, untouched for `older_than` seconds; returns how many.

    A clip's folder without a row, left by a transaction that was rolled back, is set aside first and removed when it
    has lain aside for a week. Where not one folder belongs to a row, the database is another one: none is touched.
    """
    if not settings.CLIPS_DIR.is_dir():
        return 0
    _set_aside_orphans(older_than)
    return _remove_old(f"{INCOMING}*", older_than) + _remove_old(f"{_ORPHAN}*", max(older_than, _KEEP_ORPHANS))


def make_room(mirror: Mirror | None, *, idle: float) -> int:
    """Keep what lies of clips on this machine within LOCAL_BYTES, see `local_copies`; returns how many bytes went."""
    if mirror is None or not settings.LOCAL_BYTES:
        return 0
    return local_copies.make_room(_folders().values(), mirror, most=settings.LOCAL_BYTES, idle=idle)


def set_aside(folder: Path) -> None:
    """Take a folder that belongs to no clip out of the way, for a week."""
    aside = folder.with_name(f"{_ORPHAN}{folder.name}-{secrets.token_hex(4)}")
    folder.rename(aside)
    os.utime(aside)
    log.warning("%s belongs to no clip, as after a rolled-back ingest; it lies as %s for a week.", folder, aside.name)


def _folders() -> dict[str, Path]:
    """Clip folders on this machine, by name."""
    return {path.name: path for path in settings.CLIPS_DIR.glob("clip_*") if path.name[5:].isdecimal()}


def _set_aside_orphans(older_than: float) -> None:
    there = _folders()
    known = {f"clip_{pk:08d}" for pk in Clip.objects.values_list("pk", flat=True).iterator()}
    if known.isdisjoint(there):
        return
    for name in there.keys() - known:
        # A folder just named may belong to a row that is not committed yet.
        with suppress(FileNotFoundError):
            if time.time() - there[name].stat().st_mtime > older_than:
                set_aside(there[name])


def _remove_old(pattern: str, older_than: float) -> int:
    removed = 0
    for left in settings.CLIPS_DIR.glob(pattern):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > older_than:
                shutil.rmtree(left, ignore_errors=True)
                removed += 1
    return removed
