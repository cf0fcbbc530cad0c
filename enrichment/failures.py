"""Why a batch failed, and whether the attempt is worth another one. This is the only place that decides.

What would fail in the same way again is put aside at once, with its reason: a wrong parameter, weights that are not
here, a file that cannot be read. What the next minute may mend gets another attempt: a full disk, a lost mount, a
service that does not answer, too little memory. So does what nobody has thought of.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.utils import InterfaceError, OperationalError

from annotation.media.errors import MediaError
from enrichment.errors import EngineInputError, MissingPiece, RunRefused, ServiceFailed
from enrichment.loading import is_out_of_memory
from enrichment.models import Batch

# Looked at first, and in what an error was caused by: an error of ours may only report a disk that was away.
PASSING: Final = (
    OSError,
    EOFError,
    OperationalError,
    InterfaceError,
    MissingPiece,
    ServiceFailed,
    SoftTimeLimitExceeded,  # the machine may have been busy with something else
)
LASTING: Final = (
    RunRefused,  # with UnknownLayer and VersionGone; EngineMissing is routing's: another worker may have the engine
    EngineInputError,
    MediaError,  # with ClipFolderError
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    ImportError,
    NotImplementedError,
)
_CV2_NO_MEMORY: Final = -4
DISK_FULL: Final = "The disk is full; make room and ask for the layer again."


def sentence(error: Exception) -> str:
    """What went wrong, for a person."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DISK_FULL
    said = str(error).strip()
    return said if said.endswith(".") else f"{type(error).__name__}: {said or 'no reason was given'}."


def lasts(error: BaseException) -> bool:
    """Whether the same attempt would fail in the same way."""
    if any(isinstance(each, PASSING) or is_out_of_memory(each) for each in _chain(error)):
        return False
    return isinstance(error, LASTING) or _is_of_opencv(error)


def is_out_of_time(error: BaseException) -> bool:
    """Whether it is that a batch was told to stop, as it took too long."""
    return any(isinstance(each, SoftTimeLimitExceeded) for each in _chain(error))


def of_time(batch: Batch, seconds: float) -> str:
    """What to say of a batch that was stopped after so many seconds."""
    took = _words(seconds)
    if batch.closing:
        return (
            f"Putting together what was computed of all {batch.end} frames was stopped after {took}, longer than a "
            "batch may take. Look whether the worker's disk is slow or full, then ask for the layer again. What is "
            "done stays done."
        )
    return (
        f"Frames {batch.start} to {batch.end - 1} were stopped after {took}, longer than a batch may take. The engine "
        "is too slow for this worker: choose a quicker one or a smaller model, give the layer a worker with a GPU, or "
        "raise LOUPE_BATCH_SECONDS; then ask for the layer again. What is done stays done."
    )


def of_long_work(what: str, seconds: float) -> str:
    """What to say of work other than a batch that was stopped after so many seconds; `what` is plural."""
    return (
        f"The {what} were stopped after {_words(seconds)}, longer than a job may take. Look whether the worker's "
        "machine is busy with something else or its disk slow; if it is neither, raise LOUPE_BATCH_SECONDS."
    )


def of_silent_workers(attempts: int) -> str:
    """What to say of work other than a batch whose workers died without a word."""
    return f"{attempts} workers in a row stopped without a word; they may lack memory. Look at the workers' logs."


def of_silence(batch: Batch) -> str:
    """What to say of a batch whose workers died without a word, the last one at the last heartbeat."""
    ran = (batch.heartbeat - batch.taken_at).total_seconds() if batch.heartbeat and batch.taken_at else 0.0
    if ran > settings.BATCH_SECONDS:
        return of_time(batch, ran)
    return (
        f"{batch.attempts} workers in a row stopped without a word while at frames {batch.start} to {batch.end - 1}, "
        f"the last one {batch.worker or 'unknown'}, heard of for {ran:.0f} seconds; they may lack memory. Look at the "
        "worker's log, then ask for the layer again."
    )


def _words(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was caused by."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _is_of_opencv(error: BaseException) -> bool:
    """OpenCV complains of its arguments, except where it has no memory."""
    cv2 = sys.modules.get("cv2")
    return cv2 is not None and isinstance(error, cv2.error) and getattr(error, "code", None) != _CV2_NO_MEMORY
