"""The clip that a worker has open: its file, where it is in it, and the frames of the batch it is at.

Batches of quick layers over the same frames come one after another (`ledger.beside`) and share one decoding; the
next batch of the clip goes on in the same pass, instead of decoding once more from the key frame before it.
"""

from __future__ import annotations

import threading

from django.conf import settings

from annotation import clips
from annotation.media.kept_frames import KeptFrames
from annotation.models import Clip


class _Hand(threading.local):
    """One for each thread, as a reader belongs to one."""

    key: tuple[int, str] = (0, "")
    shared: bool = True
    frames: KeptFrames | None = None


_hand = _Hand()


def of(clip: Clip) -> KeptFrames:
    """The clip's frames; a clip that was open before is closed."""
    key = (clip.pk, clip.sha256)
    if _hand.frames is None or _hand.key != key:
        put_down()
        _hand.frames, _hand.key = KeptFrames(clips.reader(clip), settings.FRAMES_BYTES), key
    _hand.frames.shared = _hand.shared
    return _hand.frames


def share(shared: bool) -> None:
    """Say whether other batches look at the frames of the one that comes now; else few are kept.

    A layer by itself looks at each frame once and in order, at most one or two back.
    """
    _hand.shared = shared


def done() -> None:
    """A batch and those beside it are done: nothing but the last frames is held while the worker waits."""
    if _hand.frames is not None:
        _hand.frames.trim()


def put_down() -> None:
    """Close what is open."""
    if _hand.frames is not None:
        _hand.frames.close()
    _hand.frames, _hand.key = None, (0, "")
