"""Claiming batches, renewing, completing and failing them, and what follows for the layers that wait.

Every change is one short transaction. A claim is a conditional UPDATE on the batch's own row, so two workers never hold
one batch, on PostgreSQL and on SQLite alike. What follows from a completed batch is done under the lock of all the
clip's layer runs, so that of two batches that end together one sees that it was the last.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from enrichment import batches, choosing, failures, leases, queue, registry, task_checks, workers
from enrichment.errors import UnknownLayer
from enrichment.models import Batch, LayerRun, from_now
from enrichment.settling import announce, settle_runs

# Seconds before the second and third attempt: long enough for a full disk or a lost mount to be noticed.
RETRY_AFTER = (5.0, 30.0)
# So many batches that look at the same frames go together, which is all of three quick layers' and then some.
_MOST_BESIDE = 16

State = LayerRun.State


@dataclass(frozen=True)
class Claim:
    """A batch in hand, the token that proves it, and when it was taken by this process's steady clock."""

    batch: Batch
    owner: uuid.UUID
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """For which it has been in hand."""
        return time.monotonic() - self.began

    def renew(self) -> bool:
        """Stay the owner for another lease; False when someone else has it."""
        return Batch.renew(self.batch.pk, self.owner, settings.LEASE_SECONDS)


def claim(batch_id: int) -> Claim | None:
    """Take a batch, or None when it is done, held by another, or no longer wanted."""
    return _take(batch_id, Batch.is_due() | Batch.is_expired())


def claim_like(batch_id: int) -> Claim | None:
    """Take the batch whose turn it is in the same queue, or None when none is free."""
    name = Batch.objects.filter(pk=batch_id).values_list("queue", flat=True).first()
    free = Batch.objects.filter(Batch.is_due(), queue=name, attempts__lt=leases.MOST_ATTEMPTS).in_turn()
    if lacking := workers.lacking_here():
        free = free.exclude(lacking)
    # Where rows can be locked, others' rows are skipped; elsewhere the first conditional update that succeeds counts.
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            # The batch's row alone: its layer run is locked whenever another batch of it is done.
            first = free.select_for_update(skip_locked=True, of=("self",)).only("pk").first()
            return None if first is None else _take(first.pk, Batch.is_due())
    return next((taken for pk in list(free.values_list("pk", flat=True)[:8]) if (taken := claim(pk))), None)


def beside(batch: Batch) -> list[int]:
    """Ids of free batches of other layers that look at the same frames as this one, in turn.

    Only of layers that are about as quick as the decoding they share, so that nobody waits long behind them.
    """
    light = [name for name, layer in registry.every().items() if layer.shares_frames()]
    if batch.closing or batch.layer_run.layer not in light:
        return []
    same = {"layer_run__clip": batch.layer_run.clip_id, "start__gte": batch.start, "end__lte": batch.end}
    free = Batch.objects.filter(Batch.is_due(), **same, layer_run__layer__in=light, layer_run__current=True)
    free = free.filter(queue=batch.queue, closing=False, attempts__lt=leases.MOST_ATTEMPTS)
    # What a model with weights computes is not quick, and might load another model than the one in memory.
    free = free.exclude(layer_run=batch.layer_run_id).exclude(layer_run__engine__contains=":")
    return list(free.in_turn().values_list("pk", flat=True)[:_MOST_BESIDE])


def next_in_turn(name: str, *, before: int, most: int) -> list[Batch]:
    """The batches whose turn is next in a queue, of a priority before `before`; they may be gone by the time."""
    free = Batch.objects.filter(Batch.is_due(), queue=name, attempts__lt=leases.MOST_ATTEMPTS, priority__lt=before)
    return list(free.in_turn().select_related("layer_run")[:most])


def _take(batch_id: int, free: Q) -> Claim | None:
    free &= Q(attempts__lt=leases.MOST_ATTEMPTS)
    owner = leases.take(Batch.objects.filter(pk=batch_id), free, taken_at=Now())
    batch = Batch.objects.select_related("layer_run__clip").filter(pk=batch_id, owner=owner).first() if owner else None
    return None if batch is None or owner is None else Claim(batch, owner)


def begun(claim: Claim) -> None:
    """Say that a claimed batch's layer is under way.

    Not in one transaction with the claim: it would take the two rows' locks in the opposite order to `complete`.
    """
    layer_run = claim.batch.layer_run
    if layer_run.state != State.QUEUED:
        return
    if LayerRun.objects.filter(pk=layer_run.pk, state=State.QUEUED).update(state=State.RUNNING):
        with transaction.atomic():
            announce(layer_run, at_once=True)


@transaction.atomic
def complete(
    claim: Claim, *, files: Iterable[str] | None = None, measure: float | None = None, unjudged: str = ""
) -> bool:
    """Enter a batch as done and set free what waited for it.

    Args:
        claim: what `claim` gave.
        files: for the closing batch, the layer's files as paths in the clip folder.
        measure: for the closing batch, what the layer thinks of its result.
        unjudged: for the closing batch of a check, why it could not judge.

    Returns:
        False when the batch was taken over meanwhile; then nothing is changed.
    """
    layer_run = claim.batch.layer_run
    lock_clip(layer_run.clip_id)
    done = Batch.objects.filter(pk=claim.batch.pk, owner=claim.owner, state=Batch.State.RUNNING).update(
        state=Batch.State.DONE, owner=None, leased_until=None, done_at=Now(), error=""
    )
    if not done:
        return False
    if claim.batch.closing:
        _close(
            layer_run, files=sorted(files or ()), measure=measure, unjudged=unjudged, **_tally(seconds=claim.seconds)
        )
    else:
        _advance(layer_run, after=claim.batch.index, **_tally(seconds=claim.seconds))
    announce(layer_run, at_once=claim.batch.closing)
    return True


@transaction.atomic
def fail(claim: Claim, reason: str, *, lasts: bool = False) -> None:
    """Enter a failed attempt: the batch waits for the next one, or the layer has failed for good.

    Args:
        lasts: every other attempt would fail in the same way, so there is none; see failures.py.
    """
    layer_run = _locked(claim.batch.layer_run)
    held = Batch.objects.filter(pk=claim.batch.pk, owner=claim.owner, state=Batch.State.RUNNING)
    if held.exists():
        LayerRun.objects.filter(pk=layer_run.pk).update(**_tally(seconds=claim.seconds, failures=1))
    if claim.batch.attempts < leases.MOST_ATTEMPTS and not lasts:
        wait = RETRY_AFTER[min(claim.batch.attempts, len(RETRY_AFTER)) - 1]
        held.update(
            state=Batch.State.QUEUED,
            owner=None,
            leased_until=None,
            sent_at=None,
            not_before=from_now(wait),
            error=reason,
        )
    elif held.update(state=Batch.State.FAILED, owner=None, leased_until=None, error=reason):
        quarantine(layer_run, reason)


def give_back(claim: Claim, why: str, *, after: float) -> None:
    """Leave a batch to another worker, which may take it after so many seconds; the attempt does not count."""
    Batch.objects.filter(pk=claim.batch.pk, owner=claim.owner, state=Batch.State.RUNNING).update(
        state=Batch.State.QUEUED,
        owner=None,
        leased_until=None,
        sent_at=None,
        not_before=from_now(after),
        attempts=F("attempts") - 1,
        error=why,
    )


@transaction.atomic
def move(layer_run: LayerRun, *, to: str) -> None:
    """Let what is left of a layer wait in another queue; what the broker was told of the old one comes to nothing."""
    lock_clip(layer_run.clip_id)  # before the batches, as by who completes one
    layer_run.batches.exclude(state=Batch.State.DONE).update(queue=to, sent_at=None)


@transaction.atomic
def start_over(claim: Claim) -> None:
    """Compute those batches of the layer again whose pieces are gone; the attempt counts."""
    layer_run = _locked(claim.batch.layer_run)
    if not Batch.objects.filter(pk=claim.batch.pk, owner=claim.owner, state=Batch.State.RUNNING).exists():
        return
    if not batches.is_cut_as_now(layer_run):
        begin(layer_run)
        return
    fresh = {"owner": None, "leased_until": None, "sent_at": None, "not_before": None, "done_at": None}
    there = batches.still_done(layer_run, batches.spans_of(layer_run))
    lost = layer_run.batches.filter(closing=False).exclude(index__in=there).exclude(pk=claim.batch.pk)
    lost.update(state=Batch.State.WAITING, attempts=0, **fresh)
    layer_run.batches.filter(pk=claim.batch.pk).update(state=Batch.State.WAITING, **fresh)
    _queue_first(layer_run)
    layer_run.batches_done = len(there)
    layer_run.save(update_fields=["batches_done", "changed_at"])


def expire() -> int:
    """Give up on workers that fell silent; returns how many batches that concerned."""
    count = 0
    for batch in Batch.objects.filter(Batch.is_expired()).select_related("layer_run__clip"):
        with transaction.atomic():
            layer_run = _locked(batch.layer_run)
            held = Batch.objects.filter(Batch.is_expired(), pk=batch.pk, owner=batch.owner)
            if held.exists():
                # How long it had computed nobody knows; that it failed is what counts.
                LayerRun.objects.filter(pk=layer_run.pk).update(**_tally(failures=1))
            if batch.attempts < leases.MOST_ATTEMPTS:
                count += held.update(state=Batch.State.QUEUED, owner=None, leased_until=None, sent_at=None)
                continue
            reason = failures.of_silence(batch)
            if held.update(state=Batch.State.FAILED, owner=None, leased_until=None, error=reason):
                quarantine(layer_run, reason)
                count += 1
    return count


def quarantine(layer_run: LayerRun, reason: str) -> None:
    """Put a layer aside with the reason, and what needs it. Call it under the lock of the clip's layer runs."""
    layer_run.state, layer_run.error = State.FAILED, reason
    layer_run.save(update_fields=["state", "error", "changed_at"])
    layer_run.batches.filter(state=Batch.State.QUEUED).update(state=Batch.State.WAITING)
    _block_dependants(layer_run)
    settle_runs(layer_run)
    announce(layer_run, at_once=True)


def begin(layer_run: LayerRun) -> None:
    """Cut a layer's work into batches and queue the first. Call it under the lock of the clip's layer runs.

    What an earlier attempt at the same fingerprint has done stays done, where its pieces are still there.
    """
    layer = registry.get(layer_run.layer)
    frame_count = layer_run.clip.frame_count
    spans = batches.spans_of(layer_run)
    there = batches.still_done(layer_run, spans)
    name = queue.named("cpu")
    if not layer_run.returns:
        name = workers.home(layer_run, queue.named(choosing.device(layer, layer_run.engine)))
    shared: dict[str, Any] = {"queue": name, "priority": layer_run.priority}
    layer_run.batches.exclude(index__in=there).delete()
    left = [span for span in spans if span.index not in there]
    Batch.objects.bulk_create(
        [Batch(layer_run=layer_run, index=span.index, start=span.start, end=span.end, **shared) for span in left]
        + [Batch(layer_run=layer_run, index=len(spans), start=0, end=frame_count, closing=True, **shared)],
        batch_size=500,
    )
    layer_run.state, layer_run.error = State.QUEUED, ""
    layer_run.batches_total, layer_run.batches_done, layer_run.homeless_at = len(spans) + 1, len(there), None
    layer_run.save(update_fields=["state", "error", "batches_total", "batches_done", "homeless_at", "changed_at"])
    _queue_first(layer_run)


def begin_if_ready(layer_run: LayerRun, *, states: Mapping[str, str] | None = None) -> bool:
    """Begin a waiting layer when all its inputs are done, block it when one cannot be; under the clip's lock.

    states: of the clip's current layers by name, for who knows them all.
    """
    needed = registry.get(layer_run.layer).inputs
    if layer_run.pinned and layer_run.returns:
        begin(layer_run)  # made current by hand, of whatever it once was computed
        return True
    if states is None:
        there = LayerRun.objects.current().filter(clip=layer_run.clip_id, layer__in=needed)
        states = dict(there.values_list("layer", "state"))
    stopped = [name for name in needed if states.get(name) in {State.FAILED, State.BLOCKED, State.NO_ENGINE}]
    if stopped:
        missing = [name for name in stopped if states[name] == State.NO_ENGINE]
        layer_run.state = State.NO_ENGINE if missing == stopped else State.BLOCKED
        layer_run.error = f"It needs {' and '.join(stopped)}, which did not come about."
        if missing == stopped:
            layer_run.error = f"It needs {' and '.join(missing)}, and there is no engine for that."
            layer_run.batches_total = 0
        layer_run.save(update_fields=["state", "error", "batches_total", "changed_at"])
        return False
    if all(states.get(name) == State.DONE for name in needed):
        begin(layer_run)
        return True
    return False


def lock_clip(clip_id: int) -> None:
    """Hold all changes to a clip's layers until the transaction ends; on SQLite, BEGIN IMMEDIATE has done so."""
    if not connection.features.has_select_for_update:
        return
    list(LayerRun.objects.select_for_update().filter(clip=clip_id).order_by("pk").values_list("pk", flat=True))


def _tally(*, seconds: float = 0.0, failures: int = 0) -> dict[str, Any]:
    """An attempt more in what a layer run has cost so far, as changes to its row."""
    return {"seconds": F("seconds") + seconds, "attempts": F("attempts") + 1, "failures": F("failures") + failures}


def _locked(layer_run: LayerRun) -> LayerRun:
    lock_clip(layer_run.clip_id)
    return LayerRun.objects.select_related("clip").get(pk=layer_run.pk)


def _close(layer_run: LayerRun, **changes: Any) -> None:
    """Enter a layer as done, and begin what waited for it: other layers, and checks of people's work."""
    LayerRun.objects.filter(pk=layer_run.pk).update(
        state=State.DONE,
        error="",
        batches_done=F("batches_total"),
        done_at=Coalesce(F("done_at"), Now()),
        changed_at=timezone.now(),
        **changes,
    )
    _free_dependants(layer_run)
    task_checks.look_again(layer_run.clip_id, layer_run.layer)
    settle_runs(layer_run)


def _advance(layer_run: LayerRun, *, after: int, **changes: Any) -> None:
    """Queue what the end of a batch set free: the next one of a sequential layer, or the closing one."""
    waiting = layer_run.batches.filter(state=Batch.State.WAITING)
    if registry.get(layer_run.layer).sequential:
        waiting.filter(index=after + 1, closing=False).update(state=Batch.State.QUEUED)
    left = layer_run.batches.filter(closing=False).exclude(state=Batch.State.DONE).count()
    if left == 0:
        waiting.filter(closing=True).update(state=Batch.State.QUEUED)
    done = F("batches_total") - 1 - left
    # Somebody could compute it just now, whoever else could not.
    LayerRun.objects.filter(pk=layer_run.pk).update(
        batches_done=done, homeless_at=None, changed_at=timezone.now(), **changes
    )


def _queue_first(layer_run: LayerRun) -> None:
    first = layer_run.batches.filter(closing=False).exclude(state=Batch.State.DONE)
    if not first.exists():
        first = layer_run.batches.filter(closing=True)
    elif registry.get(layer_run.layer).sequential:
        first = first.filter(index=first.earliest("index").index)
    first.update(state=Batch.State.QUEUED)


def _free_dependants(layer_run: LayerRun) -> None:
    # A blocked layer was asked for once; when what it needs has come about after all, it goes on.
    held_up = LayerRun.objects.current().filter(clip=layer_run.clip_id, state__in=[State.WAITING, State.BLOCKED])
    for other in held_up.select_related("clip"):
        try:
            concerned = layer_run.layer in registry.get(other.layer).inputs
        except UnknownLayer as error:
            quarantine(other, str(error))
            continue
        if concerned:
            begin_if_ready(other)


def _block_dependants(layer_run: LayerRun) -> None:
    waiting = LayerRun.objects.current().filter(clip=layer_run.clip_id, state=State.WAITING)
    for other in waiting:
        # What is not installed any more is put aside when what it waits for is done; what it needed nobody knows.
        known = registry.every().get(other.layer)
        if known is not None and layer_run.layer in known.inputs:
            other.state, other.error = State.BLOCKED, f"It needs {layer_run.layer}, which failed."
            other.save(update_fields=["state", "error", "changed_at"])
            _block_dependants(other)
            settle_runs(other)
