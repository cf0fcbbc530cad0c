"""Telling the broker which batches could be computed. What it loses is told again; what it repeats does no harm.

Only a window of batches is in the broker at a time: its loss costs one window, and a long queue is not repeated whole.
A worker whose hint came too late takes the next free batch instead, so that work goes on as long as any hint arrives.
"""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import KombuError

from enrichment.models import Batch, Leased, Propagation, TaskCheck, from_now

log = logging.getLogger(__name__)

WINDOW = 64
# A hint that nobody took for so many seconds, while workers are busy, is taken for lost.
TELL_AGAIN_AFTER = 45.0
# So many seconds do when nobody is busy at all.
LOST_AFTER = 5.0
# What a person waits for does not stand in line behind layers; at least one worker serves this queue alone.
INTERACTIVE = "interactive"


def named(device: str) -> str:
    """The queue for a device: "either" waits for a GPU only where workers with one serve that queue."""
    if device == "either":
        return "gpu" if settings.GPU_WORKERS else "cpu"
    return device


@transaction.atomic
def top_up() -> int:
    """Tell the broker of batches until a window of them is on its way; returns how many."""
    due = Batch.objects.filter(Batch.is_due())
    room = WINDOW - due.filter(sent_at__isnull=False).count()
    if room <= 0:
        return 0
    count = 0
    for pk, name in list(due.filter(sent_at=None).in_turn().values_list("pk", "queue")[:room]):
        # Two processes may choose the same ones; whoever marks a batch first sends it.
        if Batch.objects.filter(pk=pk, sent_at=None, state=Leased.State.QUEUED).update(sent_at=Now()):
            transaction.on_commit(partial(send, "enrichment.jobs.run_batch", pk, queue=name))
            count += 1
    return count


def tell_again() -> int:
    """Tell the broker once more of what it seems to have lost, and of what it was never told; returns how many."""
    told = Batch.objects.filter(Batch.is_due(), sent_at__isnull=False)
    for name in list(told.order_by().values_list("queue", flat=True).distinct()):
        told.filter(_seems_lost(name), queue=name).update(sent_at=None)
    return top_up()


def _seems_lost(name: str) -> Q:
    """Which hints in a queue can no longer be on their way, as a condition on when they were sent."""
    batches = Batch.objects.filter(queue=name)
    taken = batches.filter(state__in=[Leased.State.RUNNING, Leased.State.DONE])
    lost_after = TELL_AGAIN_AFTER
    if not taken.filter(state=Leased.State.RUNNING).exists():
        seen = taken.aggregate(seen=Max("heartbeat"))["seen"]
        seen = seen or batches.aggregate(first=Min("layer_run__created_at"))["first"]
        # With no worker at all, ever more seldom: a night without one must not fill the broker.
        lost_after = max(LOST_AFTER, (timezone.now() - seen).total_seconds() / 4)
    return Q(sent_at__lt=from_now(-lost_after))


@transaction.atomic
def tell_checks() -> int:
    """Tell the broker of task checks that wait; returns how many."""
    unsent = Q(sent_at=None) | Q(sent_at__lt=from_now(-TELL_AGAIN_AFTER))
    count = 0
    for pk, task_id in TaskCheck.objects.filter(TaskCheck.is_due(), unsent).values_list("pk", "task_id")[:WINDOW]:
        if TaskCheck.objects.filter(unsent, pk=pk).update(sent_at=Now()):
            transaction.on_commit(partial(send, "enrichment.jobs.check_task", task_id))
            count += 1
    return count


@transaction.atomic
def tell_propagations() -> int:
    """Tell the broker of propagations that wait; returns how many. Somebody is watching, so it is told again soon."""
    unsent = Q(sent_at=None) | Q(sent_at__lt=from_now(-LOST_AFTER))
    count = 0
    waiting = Propagation.objects.filter(Propagation.is_due(), unsent)
    for pk, device in waiting.values_list("pk", "device")[:WINDOW]:
        if Propagation.objects.filter(unsent, pk=pk).update(sent_at=Now()):
            transaction.on_commit(partial(send_propagation, pk, device))
            count += 1
    return count


def send_propagation(pk: int, device: str) -> None:
    """Hand one propagation to the workers that people wait for."""
    send("enrichment.jobs.propagate", pk, queue=INTERACTIVE if device == "cpu" else device)


def send(job: str, *args: int, queue: str = "cpu") -> None:
    """Hand a hint to the broker. When it does not answer, the ledger still knows, and the reconciler tells it later."""
    try:
        current_app.send_task(job, args=list(args), queue=queue, retry=False)
    except (KombuError, OSError):
        log.warning("The broker did not take %s%s; the reconciler will tell it again.", job, args, exc_info=True)
