"""What a worker does with a propagation: claim it, carry, hand in frame by frame, until it ends or is taken away.

Every hand-in is one short transaction that succeeds only while the worker still holds the row. Cancelling takes the row
away, so nothing comes after it; a killed worker's successor goes on behind the last frame that came.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Mapping

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from numpy.typing import NDArray

from annotation import clips
from annotation.geometry import rle
from enrichment import compute, failures, leases, propagations
from enrichment.errors import BatchLost, EngineInputError, UnknownCarrier
from enrichment.models import PropagatedMask, Propagation, Worker, from_now
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carried, Keyframe, Stretch
from enrichment.propagation.pictures import Walk

log = logging.getLogger(__name__)

State = Propagation.State
# Masks of a quick engine are written together for so many seconds: a commit costs a disk's round.
GATHER = 0.1
# Open pages are told of progress at most this often, in seconds.
ANNOUNCE_EVERY = 0.2
_LOOK_EVERY = 0.1


def run(propagation_id: int, *, patience: float = 0.0) -> bool:
    """Carry one mask, if that waits to be done.

    Args:
        patience: seconds since the broker was told for which it is left to workers that do it better.

    Returns:
        Whether it did. What fails is entered, not raised.
    """
    if (patience and not _still_waits(propagation_id, patience)) or _left_to_others(propagation_id):
        return False
    taken = claim(propagation_id)
    if taken is None:
        return False
    row, owner = taken
    try:
        with compute.Heartbeat(str(row), lambda: Propagation.renew(row.pk, owner, settings.LEASE_SECONDS)) as heartbeat:
            reason = _carry(row, owner, heartbeat)
    except BatchLost:
        log.info("%s was cancelled, or went to another worker.", row)
    except (EngineInputError, UnknownCarrier) as error:
        leave(row, owner, state=State.FAILED, error=str(error))
    except Exception as error:
        log.exception("%s failed at attempt %d.", row, row.attempts)
        last = row.attempts >= leases.MOST_ATTEMPTS
        again = {} if last else {"sent_at": None}
        leave(row, owner, state=State.FAILED if last else State.QUEUED, error=failures.sentence(error), **again)
    else:
        leave(row, owner, state=State.DONE, reason=reason, error="", done_at=Now())
    return True


def _still_waits(propagation_id: int, patience: float) -> bool:
    """Whether nobody takes it meanwhile; the waiting costs no more than the moment until somebody does."""
    until = time.monotonic() + patience
    row = Propagation.objects.filter(Propagation.is_due() | Propagation.is_expired(), pk=propagation_id)
    while row.exists():
        if time.monotonic() > until or not row.filter(sent_at__gt=from_now(-patience)).exists():
            return True
        time.sleep(_LOOK_EVERY)
    return False


def _left_to_others(propagation_id: int) -> bool:
    """Whether another worker has what carries it and this one does not; then the broker is told of it once more."""
    row = Propagation.objects.filter(pk=propagation_id).first()
    if row is None or row.engine in dict(registry.choices(settings.WEIGHTS_DIR)):
        return False
    if not any(each.ready and each.carries(row.engine) for each in Worker.objects.live()):
        return False
    Propagation.objects.filter(Propagation.is_due(), pk=row.pk).update(sent_at=None)
    return True


def claim(propagation_id: int) -> tuple[Propagation, uuid.UUID] | None:
    """Take a propagation that waits, or whose worker fell silent, with the token that proves it; None for none."""
    # One whose worker fell silent is taken at once, before it was queued again: somebody waits for it.
    free = (Propagation.is_due() | Propagation.is_expired()) & Q(attempts__lt=leases.MOST_ATTEMPTS)
    owner = leases.take(Propagation.objects.filter(pk=propagation_id), free)
    if owner is None:
        return None
    whole = Propagation.objects.select_related("task__clip", "task__project", "source__of", "far__of")
    row = whole.get(pk=propagation_id)
    with transaction.atomic():
        propagations.tell(row)
    return row, owner


@transaction.atomic
def leave(row: Propagation, owner: uuid.UUID, **changes: object) -> None:
    """Let go of a propagation that is still held."""
    if leases.leave(Propagation, row.pk, owner, **changes):
        propagations.tell(row)


@transaction.atomic
def expire() -> int:
    """Take propagations from workers that fell silent; returns how many that concerned."""
    return leases.expire(Propagation)


class Arrived(Mapping[int, Carried]):
    """What an interrupted attempt had handed in; masks are decoded when they are looked at."""

    def __init__(self, propagation: Propagation, size: tuple[int, int]) -> None:
        self._size = size
        self._rows = {row.frame: row for row in propagation.masks.all()}

    def __getitem__(self, frame: int) -> Carried:
        row = self._rows[frame]
        return Carried(frame, _decoded(row.counts, self._size), row.confidence, row.final)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class _Sink:
    """Hands in what an engine yields: quick frames together, slow ones one by one."""

    def __init__(self, row: Propagation, owner: uuid.UUID) -> None:
        self._row, self._owner = row, owner
        self._waiting: list[PropagatedMask] = []
        self._written = self._told = 0.0

    def take(self, carried: Carried) -> None:
        """One frame's mask.

        Raises:
            BatchLost: the propagation was cancelled, or another worker has it.
        """
        mask = rle.encode(carried.mask) if carried.mask.any() else None
        x, y, w, h = rle.bbox(mask) if mask else (0, 0, 0, 0)
        place = {"x": x, "y": y, "w": w, "h": h}
        counts = mask["counts"] if mask else ""
        known = {"confidence": round(carried.confidence, 3), "final": carried.final, "counts": counts}
        self._waiting.append(PropagatedMask(propagation=self._row, frame=carried.frame, **known, **place))
        if time.monotonic() - self._written >= GATHER:
            self.flush()

    @transaction.atomic
    def flush(self) -> None:
        """Write what waits, and hold on to the row; see `take`."""
        self._row.seq += len(self._waiting)
        held = Propagation.objects.filter(pk=self._row.pk, owner=self._owner, state=State.RUNNING)
        until = from_now(settings.LEASE_SECONDS)
        if not held.update(seq=self._row.seq, leased_until=until, heartbeat=Now()):
            raise BatchLost(f"{self._row} was cancelled, or went to another worker.")
        newest = {mask.frame: mask for mask in self._waiting}
        for seq, mask in enumerate(self._waiting, self._row.seq - len(self._waiting) + 1):
            mask.seq = seq
        PropagatedMask.objects.bulk_create(
            newest.values(),
            update_conflicts=True,
            unique_fields=["propagation", "frame"],
            update_fields=["seq", "counts", "x", "y", "w", "h", "confidence", "final"],
        )
        self._waiting = []
        self._written = time.monotonic()
        if self._written - self._told >= ANNOUNCE_EVERY:
            self._told = self._written
            propagations.tell(self._row)


def _carry(row: Propagation, owner: uuid.UUID, heartbeat: compute.Heartbeat) -> str:
    """Carry to the end, or as far as the object is seen; returns why it ended early, or nothing."""
    clip = row.task.clip
    size = (clip.height, clip.width)
    carrier = registry.carrier(row.engine, settings.WEIGHTS_DIR)
    came = Arrived(row, size)
    far = Keyframe(row.far.of.frame, _decoded(row.far.counts, size)) if row.far else None
    stretch = Stretch(Keyframe(row.frame, _decoded(row.source.counts, size)), row.last, far, came)
    row.passes = carrier.passes(stretch)
    Propagation.objects.filter(pk=row.pk, owner=owner).update(passes=row.passes, engine_version=carrier.version)
    sink = _Sink(row, owner)
    seen = {frame for frame in came if came[frame].mask.any()}
    with clips.reader(clip) as reader:
        for carried in carrier.carry(Walk(reader, size), stretch):
            heartbeat.check()
            (seen.add if carried.mask.any() else seen.discard)(carried.frame)
            sink.take(carried)
    sink.flush()
    missing = next((frame for frame in reversed(stretch.frames) if frame in seen), row.frame)
    if missing == row.last:
        return ""
    return f"The object is not seen from frame {missing + stretch.step} on; draw it again where it comes back."


def _decoded(counts: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask (height, width) bool; no counts are an empty one."""
    if not counts:
        return np.zeros(size, dtype=np.bool_)
    return rle.decode(rle.Rle(size=list(size), counts=counts)).astype(np.bool_)
