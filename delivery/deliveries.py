"""Deliveries: asked for, made by a worker, checked, published by rename, or failed with the reason.

The row is the ledger and the broker only a hint: whoever claims the row makes the delivery, and a delivery whose
worker died is claimed again once its lease has run out.
"""

from __future__ import annotations

import errno
import logging
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import KombuError

from annotation import history
from annotation.events import announce_change
from annotation.media.errors import MediaError
from annotation.models import Project
from delivery import making, snapshots, sums
from delivery.errors import BadRequest, DeliveryFailed, TakenOver
from delivery.filters import Filters, parse
from delivery.formats import registry
from delivery.leases import Lease, later
from delivery.models import Delivery
from delivery.reading import open_snapshot

JOB = "delivery.jobs.run_delivery"
MAX_ATTEMPTS = 3
# A message may be waiting behind others; a second one does no harm, but they should not pile up.
TELL_AGAIN_AFTER = timedelta(minutes=2)
State = Delivery.State
log = logging.getLogger(__name__)


@transaction.atomic
def request(
    *,
    project: Project,
    format: str,
    filters: Mapping[str, Any],
    by: User | None,
    options: Mapping[str, Any] | None = None,
    destination: str = "",
) -> Delivery:
    """Ask for a delivery. A worker pins what the filters choose at that moment, and makes it.

    Args:
        format: name of a format, see `registry.every`.
        filters: see `filters.parse`.
        options: the format's own, see `registry.chosen_options`.
        destination: an absolute path of a folder that is not there yet, for the command line, which then calls `run`
            itself; empty for a delivery that a worker makes and that is served from here.

    Raises:
        UnknownFormat, BadRequest: there is no such format, option, filter, label or clip, or the folder is taken.
    """
    kind = registry.get(format)
    if destination:
        making.refuse_taken(Path(destination))
    delivery = Delivery.objects.create(
        project=project,
        format=kind.name,
        options=registry.chosen_options(kind, options or {}),
        filters=parse(filters, project=project).as_dict(),
        destination=destination,
        by=by,
    )
    return _queued(delivery, by, "requested")


@transaction.atomic
def again(*, delivery: Delivery, by: User | None, format: str = "", destination: str = "") -> Delivery:
    """Ask for the same revisions once more, whatever was edited since; the same format gives the same bytes.

    Raises:
        BadRequest: the delivery never came as far as pinning anything.
    """
    if delivery.snapshot is None:
        raise BadRequest(f"Delivery {delivery.pk} has no snapshot yet; it can only be made again once it has begun.")
    kind = registry.get(format or delivery.format)
    if destination:
        making.refuse_taken(Path(destination))
    copy = Delivery.objects.create(
        project=delivery.project,
        format=kind.name,
        options=delivery.options if kind.name == delivery.format else registry.chosen_options(kind, {}),
        filters=delivery.filters,
        snapshot=delivery.snapshot,
        destination=destination,
        by=by,
    )
    return _queued(copy, by, "requested again", of=delivery.pk)


@transaction.atomic
def retry(*, delivery: Delivery, by: User | None) -> Delivery:
    """Queue a failed delivery again, with the revisions it pinned, if it came that far.

    Raises:
        BadRequest: it has not failed, or is the command line's.
    """
    if delivery.destination:
        raise BadRequest(f"Delivery {delivery.pk} was begun on the command line; begin it there again.")
    # What a changed clip folder made impossible can only succeed with a new pinning.
    fresh: dict[str, Any] = {"snapshot": None} if delivery.failure == "source" else {}
    changed = Delivery.objects.filter(pk=delivery.pk, state=State.FAILED).update(
        state=State.QUEUED, attempts=0, failure="", reason="", progress=0.0, stage="", lease=None, **fresh
    )
    if not changed:
        raise BadRequest(
            f"Delivery {delivery.pk} is {delivery.get_state_display().lower()}; only a failed one is retried."
        )
    delivery.refresh_from_db()
    return _queued(delivery, by, "retried")


def run(*, delivery_id: int) -> Delivery:
    """Make a delivery. Safe to call any number of times at once: one caller makes it, the others see it held.

    Returns:
        The row as it now stands: done, failed with its reason, or in someone else's hands.
    """
    token = uuid.uuid4()
    claimed = (
        Delivery.objects.filter(pk=delivery_id)
        .claimable()
        .update(
            state=State.RUNNING,
            lease=token,
            leased_until=later(),
            attempts=F("attempts") + 1,
            progress=0.0,
            stage="beginning",
        )
    )
    delivery = Delivery.objects.select_related("project", "snapshot").get(pk=delivery_id)
    if not claimed:
        return delivery
    announce_change(project_id=delivery.project_id, kind="delivery", object_id=delivery.pk)
    if delivery.attempts > MAX_ATTEMPTS:
        sentence = f"Its worker was stopped {MAX_ATTEMPTS} times while making it; see the worker's log, then retry."
        _fail(delivery, token, "stopped", sentence)
    else:
        with Lease(delivery, token) as lease:
            _attempt(delivery, lease)
    delivery.refresh_from_db()
    return delivery


def reconcile() -> int:
    """Tell a worker of every delivery that waits and of which none was told lately; returns how many.

    Cheap, and called often.
    """
    waiting = Delivery.objects.claimable()
    gone = waiting.exclude(destination="").filter(state=State.RUNNING)
    for delivery in gone:
        sentence = "The command that made it was stopped; begin it there again."
        _fail(delivery, delivery.lease, "stopped", sentence)
    sent = 0
    lately = timezone.now() - TELL_AGAIN_AFTER
    untold = waiting.filter(Q(sent_at=None) | Q(sent_at__lt=lately), destination="")
    for pk in untold.values_list("pk", flat=True):
        sent += _send(pk)
    making.sweep(settings.DELIVERIES_DIR)
    return sent


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a finished delivery: path inside, bytes, SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


def files(delivery: Delivery, *, limit: int = 200) -> list[DeliveredFile]:
    """The first files of a finished delivery in the order of SHA256SUMS; empty before it is done or if it was moved."""
    if not delivery.is_served or not (delivery.folder / sums.SUMS).is_file():
        return []
    listed = islice(sums.read(delivery.folder), limit)
    return [DeliveredFile(each.path, (delivery.folder / each.path).stat().st_size, each.sha256) for each in listed]


def _attempt(delivery: Delivery, lease: Lease) -> None:
    """One try. Whatever happens, nothing half-made is left and the row says how it ended."""
    part = making.part_of(delivery.folder, delivery.pk, lease.token)
    try:
        try:
            making.clear(delivery.folder, delivery.pk)
            if delivery.snapshot is None or not delivery.snapshot.digest:
                lease.step(0.0, "pinning revisions")
                filters = Filters(**{name: _tupled(value) for name, value in delivery.filters.items()})
                delivery.snapshot = snapshots.pin(project=delivery.project, filters=filters, beat=lease.beat)
                lease.update(snapshot=delivery.snapshot)
            made = making.make(delivery, open_snapshot(delivery.snapshot), part, lease.step)
            lease.step(1.0, "publishing")
            making.publish(part, delivery.folder)
        finally:
            # Before the row is written: on a full disk this is the room that the database needs.
            shutil.rmtree(part, ignore_errors=True)
        _done(delivery, lease.token, made)
    except TakenOver:
        log.warning("%s was taken over by another worker; this one stops.", delivery)
    except DeliveryFailed as failure:
        _fail(delivery, lease.token, failure.kind, str(failure))
    except MediaError as failure:
        _fail(delivery, lease.token, "source", str(failure))
    except OSError as failure:
        _fail(delivery, lease.token, *_told(failure))
    except (KeyboardInterrupt, SystemExit):
        _fail(delivery, lease.token, "stopped", "It was stopped while it was being made; nothing was left behind.")
        raise
    except BaseException as failure:
        _fail(
            delivery,
            lease.token,
            "error",
            f"It stopped on an error nobody foresaw ({failure!r}); see the worker's log.",
        )
        raise


def _told(failure: OSError) -> tuple[str, str]:
    if failure.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return "disk", "There was not enough room on the disk. Nothing was left behind; make room, then retry."
    return "disk", f"The disk refused: {failure.strerror or failure} ({failure.filename or 'no file named'})."


@transaction.atomic
def _done(delivery: Delivery, token: uuid.UUID, made: making.Made) -> None:
    changed = Delivery.objects.filter(pk=delivery.pk, lease=token).update(
        state=State.DONE,
        stage="",
        progress=1.0,
        failure="",
        reason="",
        size=made.size,
        files=made.files,
        counts=made.counts,
        digest=made.digest,
        lease=None,
        leased_until=None,
        finished_at=timezone.now(),
    )
    if changed:
        subject, by = delivery, delivery.by
        history.record(project=delivery.project, actor=by, verb="delivered", subject=subject, digest=made.digest)
        announce_change(project_id=delivery.project_id, kind="delivery", object_id=delivery.pk)


@transaction.atomic
def _fail(delivery: Delivery, token: uuid.UUID | None, kind: str, sentence: str) -> None:
    changed = Delivery.objects.filter(pk=delivery.pk, lease=token, state=State.RUNNING).update(
        state=State.FAILED,
        stage="",
        failure=kind,
        reason=sentence,
        lease=None,
        leased_until=None,
        finished_at=timezone.now(),
    )
    if changed:
        log.warning("%s failed (%s): %s", delivery, kind, sentence)
        history.record(project=delivery.project, actor=None, verb="failed", subject=delivery, kind=kind)
        announce_change(project_id=delivery.project_id, kind="delivery", object_id=delivery.pk)


def _queued(delivery: Delivery, by: User | None, verb: str, **data: Any) -> Delivery:
    history.record(project=delivery.project, actor=by, verb=verb, subject=delivery, format=delivery.format, **data)
    announce_change(project_id=delivery.project_id, kind="delivery", object_id=delivery.pk)
    if not delivery.destination:
        transaction.on_commit(lambda: _send(delivery.pk))
    return delivery


def _send(pk: int) -> bool:
    # Marked first: a worker may be quicker than this process.
    Delivery.objects.filter(pk=pk).update(sent_at=Now())
    try:
        current_app.send_task(JOB, [pk], retry=False)
    except (KombuError, OSError) as error:
        # The row waits; reconcile sends it again.
        log.warning("The broker did not take delivery %s (%s); it will be sent again.", pk, error)
        return False
    return True


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
