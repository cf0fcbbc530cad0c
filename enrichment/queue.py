"""Telling the broker which batches could be computed. What it loses is told again; what it repeats does no harm.

Only a window of each queue's batches is in the broker at a time: its loss costs one window, and a long queue is not
repeated whole.
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

from enrichment import workers
from enrichment.models import Batch, Leased, Propagation, Run, Survey, TaskCheck, Worker, from_now
from enrichment.models.worker import COMPUTING, CONTROL

log = logging.getLogger(__name__)

WINDOW = 64
# A hint that nobody took for so many seconds, while workers are busy, is taken for lost.
TELL_AGAIN_AFTER = 45.0
# A hint that is read later than this is thrown away: it was told again meanwhile, and while workers are at long batches
# the line would grow by a window each time.
GONE_AFTER = 2 * TELL_AGAIN_AFTER
# So many seconds do when nobody is busy at all.
LOST_AFTER = 5.0
# A request of which nothing was planned for so many seconds has lost its hint, or its planner. Where it only waits for
# dozens of others that are planned, too, it is told twice, which does no harm.
NOT_PLANNED_FOR = 15.0
# What a person waits for does not stand in line behind layers; at least one worker serves this queue alone, and those
# with a GPU take from theirs and from the layers' in turn.
INTERACTIVE, INTERACTIVE_GPU = "interactive", "interactive_gpu"
# By the device of what a person waits for: the queues whose workers can do it, the best one first.
_WAITED_FOR = {"cpu": [INTERACTIVE], "gpu": [INTERACTIVE_GPU], "either": [INTERACTIVE_GPU, INTERACTIVE]}
# Seconds for which a worker leaves what a person waits for to those that do it better. One that is at a batch of a
# layer may be so for half an hour.
PATIENCE = 1.5
# All queues there are, as one worker that does everything takes from them. `files` is of LOUPE_HOME, see the settings.
EVERY = (CONTROL, INTERACTIVE, INTERACTIVE_GPU, "files", *COMPUTING)


def named(device: str) -> str:
    """The queue for a device: "either" waits for a GPU only where workers with one serve that queue."""
    if device == "either":
        return "gpu" if settings.GPU_WORKERS else "cpu"
    return device


def worker_command(*queues: str) -> str:
    """What starts a worker of these queues; two of one name on a machine would be taken for one."""
    return f"celery -A config worker -n {queues[0]}@%h --queues {','.join(queues)}"


@transaction.atomic
def top_up() -> int:
    """Tell the broker of batches until a window of each queue's is on its way; returns how many.

    Each queue has a window: the workers of one have nothing to do with what waits in the other.
    """
    return sum(_fill(name) for name in COMPUTING)


def _fill(name: str) -> int:
    due = Batch.objects.filter(Batch.is_due(), queue=name)
    room = WINDOW - due.filter(sent_at__isnull=False).count()
    if room <= 0:
        return 0
    count = 0
    for pk in list(due.filter(sent_at=None).in_turn().values_list("pk", flat=True)[:room]):
        # Two processes may choose the same ones; whoever marks a batch first sends it.
        if Batch.objects.filter(pk=pk, sent_at=None, state=Leased.State.QUEUED).update(sent_at=Now()):
            transaction.on_commit(partial(send, "enrichment.jobs.run_batch", pk, queue=name, expires=GONE_AFTER))
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
        # One that has come, or come back, is idle and waits for nothing but a hint: those of before are out of date.
        if workers.serve(name):
            lost_after = min(lost_after, TELL_AGAIN_AFTER)
    return Q(sent_at__lt=from_now(-lost_after))


@transaction.atomic
def tell_plans() -> int:
    """Tell the broker of requests that nobody goes on planning; returns how many."""
    forgotten = Q(told_at=None) | Q(told_at__lt=from_now(-NOT_PLANNED_FOR))
    rows = Run.objects.unplanned().filter(forgotten).order_by("pk")
    count = 0
    for pk, planned in list(rows.values_list("pk", "clips_planned")[:WINDOW]):
        if rows.filter(pk=pk).update(told_at=Now()):
            transaction.on_commit(partial(send_plan, pk, planned))
            count += 1
    return count


def send_plan(pk: int, planned: int) -> None:
    """Let somebody plan a request, from so many of its clips on."""
    send("enrichment.jobs.plan", pk, planned, expires=GONE_AFTER)


def tell_checks() -> int:
    """Tell the broker of task checks that wait; returns how many."""
    return _tell(TaskCheck, "enrichment.jobs.check_task", "task_id")


def tell_surveys() -> int:
    """Tell the broker of comparisons of keyframes that wait; returns how many."""
    return _tell(Survey, "enrichment.jobs.survey", "project_id")


@transaction.atomic
def _tell(kind: type[Leased], job: str, of: str) -> int:
    """Tell of what waits and was not told lately; the job takes the field `of`."""
    unsent = Q(sent_at=None) | Q(sent_at__lt=from_now(-TELL_AGAIN_AFTER))
    rows = kind._default_manager
    count = 0
    for pk, told in rows.filter(kind.is_due(), unsent).values_list("pk", of)[:WINDOW]:
        if rows.filter(unsent, pk=pk).update(sent_at=Now()):
            transaction.on_commit(partial(send, job, told, expires=GONE_AFTER))
            count += 1
    return count


@transaction.atomic
def tell_propagations() -> int:
    """Tell the broker of propagations that wait; returns how many. Somebody is watching, so it is told again soon."""
    count = 0
    waiting = Propagation.objects.filter(Propagation.is_due())
    for device, engine in list(waiting.order_by().values_list("device", "engine").distinct()):
        busy = Propagation.objects.filter(state=Leased.State.RUNNING, device=device).exists()
        unsent = Q(sent_at=None)
        if takers(device, engine):
            # Where nobody would take it, telling it again only fills the broker.
            unsent |= Q(sent_at__lt=from_now(-(TELL_AGAIN_AFTER if busy else LOST_AFTER)))
        for pk in list(waiting.filter(unsent, device=device, engine=engine).values_list("pk", flat=True)[:WINDOW]):
            if Propagation.objects.filter(unsent, pk=pk).update(sent_at=Now()):
                transaction.on_commit(partial(send_propagation, pk, device, engine))
                count += 1
    return count


def takers(device: str, engine: str) -> list[str]:
    """The queues, the best first, whose live workers have what a person waits for and take from none before."""
    able = [each for each in Worker.objects.live() if each.carries(engine)]
    found = []
    for name in _WAITED_FOR[device]:
        if any(name in each.queues for each in able):
            found.append(name)
            able = [each for each in able if name not in each.queues]
    return found


def why_waiting(device: str, engine: str) -> str:
    """What a person is told whose work no live worker would take, as a sentence; empty when one would."""
    if takers(device, engine):
        return ""
    return (
        "It waits: no worker that could do it is running. It begins as soon as somebody starts one with "
        f"`{worker_command(_WAITED_FOR[device][-1])}`."
    )


def send_propagation(pk: int, device: str, engine: str) -> None:
    """Hand one propagation to the workers that people wait for: the best ones at once, others when those are busy."""
    best, *others = takers(device, engine) or _WAITED_FOR[device][-1:]
    send("enrichment.jobs.propagate", pk, queue=best, expires=GONE_AFTER)
    for name in others:
        send("enrichment.jobs.propagate", pk, PATIENCE, queue=name, expires=GONE_AFTER)


def send(job: str, *args: float, queue: str | None = None, expires: float | None = None) -> None:
    """Hand a hint to the broker. When it does not answer, the ledger still knows, and the reconciler tells it later.

    Args:
        queue: where it goes; by default where the settings route the job to.
        expires: seconds after which nobody need read it, for what is told again.
    """
    try:
        current_app.send_task(job, args=list(args), queue=queue, expires=expires, retry=False)
    except (KombuError, OSError):
        log.warning("The broker did not take %s%s; the reconciler will tell it again.", job, args, exc_info=True)
