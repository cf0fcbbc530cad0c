"""Uploads: received piece by piece, inspected by a worker, then a clip or a refusal.

Receiving and inspecting take minutes, so they are not one transaction: each step that is acknowledged is on the disk
and in the row before it is. The row is the ledger; a message to a worker is only a hint.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Now
from kombu.exceptions import KombuError, OperationalError

from annotation import about as abouts
from annotation import clips, history
from annotation.errors import Duplicate, LeaseLost, Refused, TooLarge, WrongOffset
from annotation.events import announce_change
from annotation.media.errors import MediaRefused
from annotation.media.probe import inspect as look_through
from annotation.media.probe import source_digest
from annotation.models import Clip, Project, Upload

log = logging.getLogger(__name__)

State = Upload.State
JOB = "annotation.jobs.inspect_upload"
MAX_ATTEMPTS = 3
# A message that was lost with its broker is sent again after this long.
PATIENCE = timedelta(seconds=120)
KEEP_HALF = timedelta(days=7)
_PIECE = 1024**2
# Room that stays free: a full disk stops the database too.
_SPARE = 256 * 1024**2


class Stream(Protocol):
    """Where bytes come from; a request's body is one."""

    def read(self, size: int, /) -> bytes: ...


@transaction.atomic
def begin(*, project: Project, name: str, size: int, about: Mapping[str, Any], by: User) -> Upload:
    """Announce a file of `size` bytes; nothing is stored yet.

    Raises:
        TooLarge: it is larger than this installation takes, or than there is room for.
        Refused: it is empty, or something in `about` is not known or too long.
    """
    known = abouts.clean(about)
    shown = abouts.file_name(name)
    if size <= 0:
        raise Refused(f"{shown} is empty: the file has no bytes.")
    if size > settings.MAX_UPLOAD_BYTES:
        raise TooLarge(f"{shown} has {size:,} bytes; at most {settings.MAX_UPLOAD_BYTES:,} are taken here.")
    settings.UPLOADS_DIR.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(settings.UPLOADS_DIR).free < size + _SPARE:
        raise TooLarge(f"There is no room for the {size:,} bytes of {shown}; ask a manager to make room on the server.")
    upload = Upload.objects.create(project=project, by=by, name=shown, size=size, about=known)
    history.record(project=project, actor=by, verb="began", subject=upload, name=shown, size=size)
    announce_change(project_id=project.pk, kind="upload", object_id=upload.pk)
    return upload


def append(*, upload: Upload, offset: int, stream: Stream) -> Upload:
    """Add a piece that begins at `offset`; what is acknowledged is on the disk. The last piece sends it to inspection.

    When the stream breaks off, what came before is kept, and the break is raised on.

    Raises:
        WrongOffset: it does not begin where the last one ended, or another piece is being written; names where it ends.
        TooLarge: there are more bytes than were announced, or the disk is full; none of the piece is kept.
        Refused: the upload is complete.
    """
    with _opened(upload) as file:
        upload.refresh_from_db()
        if upload.state != State.RECEIVING:
            raise Refused(f"{upload.name} has been received whole; it takes no more bytes.")
        if offset != upload.offset:
            raise WrongOffset(
                f"A piece of {upload.name} begins at byte {offset:,}, but {upload.offset:,} are here; go on there.",
                offset=upload.offset,
            )
        # Bytes beyond the acknowledged ones are left from a process that was killed; they are sent again.
        file.truncate(offset)
        file.seek(offset)
        broken: OSError | None = None
        try:
            broken = _receive(file, upload, stream)
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        except (OSError, TooLarge) as error:
            file.truncate(offset)
            if isinstance(error, TooLarge):
                raise
            raise TooLarge(f"The server's disk took no more of {upload.name}: {error.strerror or error}.") from error
        _acknowledge(upload, offset, end)
    if broken is not None:
        raise broken
    return upload


@transaction.atomic
def cancel(*, upload: Upload, by: User) -> None:
    """Forget an upload and its bytes, whatever state it is in; a clip that was made of it stays."""
    history.record(project=upload.project, actor=by, verb="cancelled", subject=upload, name=upload.name)
    announce_change(project_id=upload.project_id, kind="upload", object_id=upload.pk)
    path = upload.path
    # A worker that is inspecting it finds its row gone when it is done, and makes no clip.
    Upload.objects.filter(pk=upload.pk).delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def inspect(*, upload_id: uuid.UUID) -> Upload | None:
    """Look through a received file and make it a clip, or refuse it with the reason; its bytes do not stay either way.

    Safe to run twice at once: the row is claimed by a conditional update and held by a lease, and only the holder can
    finish it.

    Returns:
        The upload as it became, or None when there was nothing to do.
    """
    upload = _claim(upload_id)
    if upload is None:
        return None
    try:
        with _held(upload):
            try:
                _take_in(upload)
            except Duplicate as error:
                _finish(upload, State.DUPLICATE, clip=error.clip, reason=str(error))
            except (MediaRefused, Refused) as error:
                # The file lies under its number; people know it by its name.
                _finish(upload, State.REFUSED, reason=str(error).replace(str(upload.pk), upload.name))
            except FileNotFoundError:
                _finish(upload, State.REFUSED, reason=f"The bytes of {upload.name} are gone; upload it again.")
    except LeaseLost as error:
        log.info("%s", error)
    return Upload.objects.filter(pk=upload.pk).first()


def recover() -> list[uuid.UUID]:
    """Send uploads again whose message was lost or whose worker was killed; returns which."""
    left = Upload.objects.filter(
        Q(state=State.WAITING, changed_at__lt=_later(-PATIENCE)) | Q(state=State.INSPECTING, leased_until__lt=Now())
    )
    found = list(left.values_list("pk", flat=True)[:1000])
    # So that a busy worker's queue does not grow by the same upload every ten seconds.
    Upload.objects.filter(pk__in=found, state=State.WAITING).update(changed_at=Now())
    for pk in found:
        enqueue(pk)
    return found


def tidy() -> int:
    """Forget half uploads that stood still for a week and bytes that no upload needs; returns how many files went."""
    Upload.objects.filter(state=State.RECEIVING, changed_at__lt=_later(-KEEP_HALF)).delete()
    if not settings.UPLOADS_DIR.is_dir():
        return 0
    needed = Upload.objects.filter(state__in=[State.RECEIVING, State.WAITING, State.INSPECTING])
    names = {str(pk) for pk in needed.values_list("pk", flat=True)}
    removed = 0
    for path in settings.UPLOADS_DIR.iterdir():
        # A file just made may belong to a row that this transaction does not see yet.
        if path.name not in names and time.time() - path.stat().st_mtime > 3600:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def enqueue(upload_id: uuid.UUID) -> None:
    """Tell a worker. If the broker cannot be reached the row still waits, and `recover` tells again."""
    try:
        current_app.send_task(JOB, [str(upload_id)], retry=False)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("Upload %s waits: no message could be sent (%s).", upload_id, error)


def _receive(file: BinaryIO, upload: Upload, stream: Stream) -> OSError | None:
    """Write what comes; the error that broke the stream off, if one did. Errors of our own disk are raised."""
    while True:
        try:
            piece = stream.read(_PIECE)
        except OSError as error:
            return error
        if not piece:
            return None
        if file.tell() + len(piece) > upload.size:
            raise TooLarge(f"{upload.name} was announced with {upload.size:,} bytes and more than that came.")
        file.write(piece)


@transaction.atomic
def _acknowledge(upload: Upload, offset: int, end: int) -> None:
    whole = end == upload.size
    state = State.WAITING if whole else State.RECEIVING
    updated = Upload.objects.filter(pk=upload.pk, state=State.RECEIVING, offset=offset).update(
        offset=end, state=state, changed_at=Now()
    )
    if not updated:
        raise WrongOffset(
            f"Someone else went on with {upload.name} at the same moment; ask where it is.", offset=offset
        )
    upload.offset, upload.state = end, state
    if whole:
        transaction.on_commit(lambda: enqueue(upload.pk))
        announce_change(project_id=upload.project_id, kind="upload", object_id=upload.pk)


@contextmanager
def _opened(upload: Upload) -> Iterator[BinaryIO]:
    """The file received so far, locked: two connections must not write into each other's piece."""
    settings.UPLOADS_DIR.mkdir(parents=True, exist_ok=True)
    handle = os.open(upload.path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongOffset(
                f"Another connection is sending {upload.name}; wait for it or ask where it is.", offset=upload.offset
            ) from error
        yield file


def _claim(upload_id: uuid.UUID) -> Upload | None:
    free = Q(state=State.WAITING) | Q(state=State.INSPECTING, leased_until__lt=Now())
    claimed = Upload.objects.filter(free, pk=upload_id).update(
        state=State.INSPECTING,
        leased_until=_later(_lease()),
        attempts=F("attempts") + 1,
        progress=0.0,
        changed_at=Now(),
    )
    if not claimed:
        return None
    upload = Upload.objects.select_related("project", "by").get(pk=upload_id)
    announce_change(project_id=upload.project_id, kind="upload", object_id=upload.pk)
    if upload.attempts > MAX_ATTEMPTS:
        reason = f"{upload.name} could not be looked through: the worker stopped {MAX_ATTEMPTS} times while it tried."
        _finish(upload, State.REFUSED, reason=reason)
        return None
    return upload


def _take_in(upload: Upload) -> None:
    path = upload.path
    sha256, size = source_digest(path)
    if size != upload.size:
        raise Refused(
            f"{upload.name} has {size:,} bytes on the server, {upload.size:,} were announced; upload it again."
        )
    twin = clips.find(project=upload.project, sha256=sha256)
    if twin is not None:
        raise Duplicate(f"{upload.name} is already here as clip {twin.pk} ({twin.name}).", clip=twin)
    facts = look_through(path, limits=clips.limits(), progress=_progress_of(upload))
    staged = clips.stage(project=upload.project, path=path, facts=facts, sha256=sha256, name=upload.name, link=True)
    try:
        # Clip and verdict together. The row is held before the clip's folder gets its name, which no rollback undoes.
        with transaction.atomic():
            if not _mine(upload).update(changed_at=Now()):
                raise _lost(upload)
            clip = clips.enter(project=upload.project, staged=staged, about=upload.about, by=upload.by)
            _finish(upload, State.DONE, clip=clip)
    finally:
        staged.discard()


@transaction.atomic
def _finish(upload: Upload, state: str, *, clip: Clip | None = None, reason: str = "") -> None:
    updated = _mine(upload).update(
        state=state, clip=clip, reason=reason, progress=1.0, leased_until=None, changed_at=Now()
    )
    if not updated:
        raise _lost(upload)
    if state != State.DONE:
        history.record(project=upload.project, actor=None, verb=state, subject=upload, name=upload.name, reason=reason)
    announce_change(project_id=upload.project_id, kind="upload", object_id=upload.pk)
    path: Path = upload.path
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def _lost(upload: Upload) -> LeaseLost:
    return LeaseLost(f"Upload {upload.pk} was cancelled or taken over while it was being looked through.")


def _mine(upload: Upload) -> Any:
    """The row, as long as this very claim holds it: each claim raises `attempts`."""
    return Upload.objects.filter(pk=upload.pk, state=State.INSPECTING, attempts=upload.attempts)


@contextmanager
def _held(upload: Upload) -> Iterator[None]:
    """Keep the lease alive from a thread: hashing and decoding a large file takes longer than a lease lasts."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(settings.LEASE_SECONDS / 3):
                try:
                    _mine(upload).update(leased_until=_later(_lease()))
                except DatabaseError as error:
                    log.warning("The lease of upload %s could not be renewed: %s", upload.pk, error)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"lease of {upload.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _progress_of(upload: Upload) -> Callable[[int, int], None]:
    """Write the share done into the row, at most twice a second."""
    last = 0.0

    def told(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last < 0.5 or not total:
            return
        last = time.monotonic()
        _mine(upload).update(progress=min(done / total, 1.0))
        announce_change(project_id=upload.project_id, kind="upload", object_id=upload.pk)

    return told


def _lease() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)


def _later(span: timedelta) -> datetime:
    """A moment after now by the database's clock; the clocks of several workers differ."""
    return cast(datetime, ExpressionWrapper(Now() + Value(span), output_field=DateTimeField()))
