"""Doing one batch: claim it, compute it while a heartbeat keeps the lease, enter what came of it.

No transaction is open while a layer computes. Everything here may be killed at any point and repeated.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.utils import Error

from annotation import clips, proposals
from annotation.models import Clip
from enrichment import (
    affinity,
    batches,
    choosing,
    failures,
    frames_in_hand,
    inputs_in_hand,
    kept,
    leases,
    ledger,
    priorities,
    registry,
    remote,
    routing,
)
from enrichment.choosing import Choice
from enrichment.errors import BatchLost, EngineMissing, MissingPiece
from enrichment.events import findings_ready
from enrichment.layer import ClipFacts, Context, Layer, Product, Span
from enrichment.models import Batch, LayerRun, Run
from enrichment.parameters import filled

log = logging.getLogger(__name__)

# Between telling a batch to stop and killing it: longer than one call of the slowest model.
STOPPING_SECONDS = 120


class Heartbeat:
    """Renews a lease from a thread of its own while the block runs; `lost` is set when someone else has the work.

    Args:
        name: of the work, for messages.
        renew: holds on for another lease; False when it is no longer held.
        limit: seconds after which the work is to stop, for workers whose pool has no time limits of its own; some more,
            and the lease is given up.
    """

    def __init__(self, name: str, renew: Callable[[], bool], *, limit: float | None = None) -> None:
        self._name = name
        self._renew = renew
        self._limit = math.inf if limit is None else limit
        self._began = time.monotonic()
        self._stop = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of {name}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises BatchLost when it makes no sense to go on, SoftTimeLimitExceeded when it has taken too long."""
        if self.lost.is_set():
            raise BatchLost(f"{self._name} was taken over by another worker.")
        if self._seconds > self._limit:
            raise SoftTimeLimitExceeded

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _beat(self) -> None:
        try:
            while not self._stop.wait(settings.LEASE_SECONDS / 3):
                try:
                    if self._seconds > self._limit + STOPPING_SECONDS or not self._renew():
                        self.lost.set()
                        return
                except Error:
                    # A database that is away for a moment costs a beat, not the work: the lease outlasts two of them.
                    log.warning("A heartbeat of %s did not reach the database.", self._name, exc_info=True)
                    connection.close()  # or the next beat would find it closed by the server, and so for ever
        finally:
            connection.close()


def run_batch(batch_id: int) -> bool:
    """Compute one batch, if it is free, or one in its place that needs no other model to be loaded.

    Returns:
        Whether there was one.
    """
    return _work_on(affinity.claim(batch_id) or ledger.claim(batch_id))


def run_like(batch_id: int) -> bool:
    """Compute the batch whose turn it is in the same queue, if any is free; returns whether one was."""
    waiting = Batch.objects.filter(pk=batch_id).values_list("queue", flat=True).first()
    turn = ledger.next_in_turn(waiting, before=priorities.LAST, most=1) if waiting else []
    return _work_on((affinity.claim(turn[0].pk) if turn else None) or ledger.claim_like(batch_id))


def work(claim: ledger.Claim) -> bool:
    """Compute a claimed batch. A layer's own failure is entered in the ledger, not raised.

    Returns:
        False when this machine lacks what it takes, and it was left to another.
    """
    batch = claim.batch
    ledger.begun(claim)
    try:
        with Heartbeat(str(batch), claim.renew, limit=settings.BATCH_SECONDS) as heartbeat:
            product = _step(batch)(claim, heartbeat)
        _look_at_connection()
        if product is None:
            entered = ledger.complete(claim)
        else:
            files = [file.path for file in product.files]
            entered = ledger.complete(claim, files=files, measure=product.figure, unjudged=product.unjudged)
        if entered and batch.closing:
            inputs_in_hand.put_down()
            batches.pieces_of(batch.layer_run).clear()
            kept.settle(batch.layer_run)
    except BatchLost:
        log.info("%s went to another worker.", batch)
    except MissingPiece as error:
        log.warning("%s: %s", batch, error)
        inputs_in_hand.put_down()
        if batch.attempts < leases.MOST_ATTEMPTS:
            ledger.start_over(claim)
        else:
            ledger.fail(claim, str(error))
    except EngineMissing as error:
        log.warning("%s cannot be computed here: %s", batch, error)
        routing.hand_on(claim, failures.sentence(error))
        return False
    except Exception as error:
        log.exception("%s failed at attempt %d.", batch, batch.attempts)
        _look_at_connection()
        frames_in_hand.put_down()
        inputs_in_hand.put_down()
        reason = failures.of_time(batch, claim.seconds) if failures.is_out_of_time(error) else failures.sentence(error)
        ledger.fail(claim, reason, lasts=failures.lasts(error))
    return True


def _look_at_connection() -> None:
    """Connect anew where the database was restarted during the minutes of a batch: what was computed still counts."""
    if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def _work_on(claim: ledger.Claim | None) -> bool:
    """Compute a claimed batch, and while its frames are in memory what other quick layers want of them."""
    if claim is None:
        return False
    others = ledger.beside(claim.batch)
    frames_in_hand.share(bool(others))
    try:
        worked = work(claim)
        for pk in others:
            # All of them together are one job of the worker's, and have its time.
            taken = ledger.claim(pk) if claim.seconds < settings.BATCH_SECONDS / 3 else None
            if taken is not None:
                work(taken)
    finally:
        frames_in_hand.done()
    return worked


def work_here(run: Run) -> None:
    """Compute a request in this process, beside any workers there are, until nothing of it is left."""
    while run.layer_runs.unsettled().exists():
        ledger.expire()
        free = Q(layer_run__runs=run) & (Batch.is_due() | Batch.is_expired())
        ids = list(Batch.objects.filter(free).in_turn().values_list("pk", flat=True)[:16])
        worked = [run_batch(pk) for pk in ids]
        if not any(worked):
            time.sleep(0.2)


def facts_of(clip: Clip) -> ClipFacts:
    """What layers may know of a clip."""
    told = ("scene", "environment", "device", "session", "site", "contributor", "licence", "consent")
    return ClipFacts(
        id=clip.pk,
        name=clip.name,
        source_name=clip.source_name,
        sha256=clip.sha256,
        bytes=clip.size,
        container=clip.container,
        codec=clip.codec,
        width=clip.width,
        height=clip.height,
        rotation=clip.rotation,
        frame_count=clip.frame_count,
        duration=clip.duration,
        fps=clip.fps,
        variable_rate=clip.variable_rate,
        timestamps_synthesised=clip.timestamps_synthesised,
        seconds=tuple(float(second) for second in clips.index(clip).seconds),
        about={name: getattr(clip, name) for name in told},
    )


def _choice(layer: Layer, layer_run: LayerRun) -> Choice:
    """What computes a layer run, which must be what it was planned with.

    Raises:
        EngineMissing: it is not on this machine, or its weights are others by now.
    """
    choice = choosing.choose(layer, layer_run.engine, settings.WEIGHTS_DIR)
    if any(pick.folder for pick in choice.picks) and choice.engine_version != layer_run.engine_version:
        raise EngineMissing(
            f"{layer.title} was asked for with {choosing.short(layer_run.engine_version)} of {layer_run.engine}, but "
            f"this worker has {choosing.short(choice.engine_version)}; lay the same weights on every machine, then ask "
            "for the layer again."
        )
    return choice


def _context(layer: Layer, choice: Choice, layer_run: LayerRun, heartbeat: Heartbeat) -> Context:
    clip = layer_run.clip
    folder, facts = clips.folder(clip), facts_of(clip)
    return Context(
        clip=facts,
        frames=frames_in_hand.of(clip),
        folder=folder,
        pieces=batches.pieces_of(layer_run),
        parameters=filled(layer.Parameters, layer_run.parameters, layer.name),
        upstream=inputs_in_hand.of(layer, layer_run, folder, facts),
        engines=choosing.in_hand(layer, choice, layer_run.parameters),
        keep_going=heartbeat.check,
    )


def _step(batch: Batch) -> Callable[[ledger.Claim, Heartbeat], Product | None]:
    if not batch.closing:
        return _compute
    return _bring_back if batch.layer_run.returns else _close


def _compute(claim: ledger.Claim, heartbeat: Heartbeat) -> None:
    """Turn the batch's frames into pieces; only the closing batch has a product."""
    batch = claim.batch
    layer = registry.get(batch.layer_run.layer)
    context = _context(layer, _choice(layer, batch.layer_run), batch.layer_run, heartbeat)
    with remote.charged_to(batch.layer_run), context.pieces.of_batch(batch.index):
        layer.compute(context, Span(batch.index, batch.start, batch.end))


def _close(claim: ledger.Claim, heartbeat: Heartbeat) -> Product:
    """Publish, list in the manifest, put before people, tell the apps above: each may happen twice, in this order."""
    layer_run = claim.batch.layer_run
    layer = registry.get(layer_run.layer)
    if not batches.is_cut_as_now(layer_run):
        raise MissingPiece(f"An earlier version had shared out the frames of {layer_run} otherwise; it is begun again.")
    choice = _choice(layer, layer_run)
    context = _context(layer, choice, layer_run, heartbeat)
    kept.put_aside(layer_run)
    with context.folder.together():
        product = layer.publish(context)
    # The last look before others see it: a worker that slept through its lease must not undo a newer result.
    if not claim.renew():
        raise BatchLost(f"{claim.batch} was taken over by another worker.")
    context.folder.commit(
        layer.name,
        engine=choice.engine,
        engine_version=choice.engine_version,
        version=layer.version,
        parameters=layer_run.parameters,
        fingerprint=layer_run.fingerprint,
        files=product.files,
    )
    _tell(choice, layer_run, product)
    _reword(layer, layer_run)
    return product


def _bring_back(claim: ledger.Claim, heartbeat: Heartbeat) -> Product:
    """Put an older version in its place again, and before people what it proposed; may happen twice."""
    layer_run = claim.batch.layer_run
    product = kept.bring_back(layer_run)
    heartbeat.check()
    others = LayerRun.objects.filter(clip=layer_run.clip_id, layer=layer_run.layer).exclude(pk=layer_run.pk)
    proposals.show_again(
        clip=layer_run.clip,
        fingerprint=layer_run.fingerprint,
        instead_of=list(others.values_list("fingerprint", flat=True)),
    )
    _tell_findings(layer_run, product)
    _reword(registry.get(layer_run.layer), layer_run)
    return product


@transaction.atomic
def _tell(choice: Choice, layer_run: LayerRun, product: Product) -> None:
    if product.proposals is not None:
        proposals.publish(
            clip=layer_run.clip,
            kind=product.proposals.kind,
            engine=choice.signature,
            fingerprint=layer_run.fingerprint,
            path=product.proposals.path,
            items=[asdict(item) for item in product.proposals.items],
        )
    _tell_findings(layer_run, product)


def _reword(layer: Layer, layer_run: LayerRun) -> None:
    """Give proposed segments the sentences that this layer has for them."""
    wordings = layer.wordings(clips.folder(layer_run.clip))
    if wordings:
        proposals.reword(clip=layer_run.clip, wordings=[asdict(wording) for wording in wordings])


def _tell_findings(layer_run: LayerRun, product: Product) -> None:
    if product.findings is not None:
        findings = [dict(finding) for finding in product.findings]
        news: dict[str, object] = {"task_id": None, "check": product.check, "findings": findings}
        transaction.on_commit(lambda: findings_ready.send(sender=None, clip_id=layer_run.clip_id, **news))
