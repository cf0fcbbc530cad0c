"""What this worker could compute: told to the others every few seconds, and kept in mind when it takes work.

A machine may lack weights, packages or keys that another one has. Each worker says what it has in a row of its own,
so that a machine without weights can plan with another's, and a batch is put aside only where nobody could do it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.db.utils import DatabaseError
from django.utils import timezone

from annotation.models import Project
from enrichment import choosing, engine, leftovers, queue, registry
from enrichment.errors import EngineMissing
from enrichment.models import Batch, LayerRun, Run, Worker, from_now
from enrichment.models.worker import COMPUTING, CONTROL, needs
from enrichment.propagation import registry as carrying

log = logging.getLogger(__name__)

BEAT: Final = 10.0
# What a process lacks may be laid there while it runs: it tries again after so many seconds.
RECHECK: Final = 60.0
# How often it looks whether this machine is to be swept.
SWEEP: Final = 600.0
# How often it looks whether anybody looks after the layers.
STAND_IN: Final = 120.0
# Work that nobody takes for so long is told of: a worker that starts again is back by then.
UNSERVED: Final = timedelta(minutes=5)
_FORGOTTEN_AFTER: Final = 86_400.0


class _Process:
    """Of this process and, where it forks, its children: the worker's name, and what it was found to lack, and when."""

    name: str = ""
    lacking: dict[tuple[str, str, str], float] = {}


def be(name: str) -> None:
    """Say which worker this process belongs to, before it forks."""
    _Process.name = name


def me() -> str:
    """The worker's name; empty in a process that is none, such as a command that computes by itself."""
    return _Process.name


class Announcing:
    """Tells the others of this worker, and keeps its machine clean, from threads of its own until the process ends.

    Args:
        queues: what it takes from.
        watch: raises alerts; called where no worker serves the queue in which that is asked for.
    """

    def __init__(self, queues: Iterable[str], watch: Callable[[], object]) -> None:
        self._queues = sorted(queues)
        self._watch = watch
        self._stop = threading.Event()
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._told = False

    def start(self) -> None:
        """Begin; what takes long, hashing weights, goes on beside the beats."""
        try:
            # What a process of this name refused before it was killed says nothing of this one.
            Worker.objects.filter(name=me()).update(refused={}, ready=False)
        except DatabaseError:
            log.warning("The worker could not tell that it began; it tells of itself soon.", exc_info=True)
        steps = (
            (self._beat, BEAT, "beat"),
            (self._list, RECHECK, "list"),
            (leftovers.sweep, SWEEP, "broom"),
            (self._stand_in, STAND_IN, "watch"),
        )
        for step, every, name in steps:
            threading.Thread(target=self._repeat, args=(step, every), name=f"worker's {name}", daemon=True).start()

    def stop(self) -> None:
        """End, and take the row away: the others need not wait for this worker."""
        self._stop.set()
        try:
            Worker.objects.filter(name=me(), process=self._process).delete()
        except DatabaseError:
            log.warning("The worker could not take leave; the others notice in a while.", exc_info=True)

    def _repeat(self, step: Callable[[], object], every: float) -> None:
        while True:
            try:
                step()
            except (DatabaseError, OSError):
                # Weights on a disk that is away for a moment are looked for again, too.
                log.warning("The %s failed; it tries again.", threading.current_thread().name, exc_info=True)
            finally:
                connection.close()
            if self._stop.wait(every):
                return

    def _beat(self) -> None:
        other = Worker.objects.filter(name=me()).exclude(process__in=["", self._process]).first()
        if other is not None and self._told:
            # Before the first word of this one it may be what a killed process of this name left.
            log.warning(
                "Two running workers are called %s: process %s and %s. Each overwrites what the other tells of its "
                "queues and engines; start one of them with a name of its own, like `-n other@%%h`.",
                me(),
                self._process,
                other.process,
            )
        facts = {"queues": self._queues, "weights": str(settings.WEIGHTS_DIR), "seen_at": Now()}
        Worker.objects.update_or_create(name=me(), defaults={**facts, "process": self._process})
        self._told = True
        Worker.objects.filter(seen_at__lt=from_now(-_FORGOTTEN_AFTER)).delete()

    def _stand_in(self) -> None:
        """Raise the alert that nobody serves the queue in which alerts are asked for: one worker for all."""
        if CONTROL not in unserved(since=timezone.now() - UNSERVED):
            return
        first = Worker.objects.live().first()
        if first is not None and first.name == me():
            log.error(
                "Requests wait to be planned and no running worker serves the queue %s; start one with `%s`.",
                CONTROL,
                queue.worker_command(CONTROL),
            )
            self._watch()

    def _list(self) -> None:
        engines, lacks = listing(settings.WEIGHTS_DIR)
        carriers = [value for value, _ in carrying.choices(settings.WEIGHTS_DIR)]
        facts = {"ready": True, "engines": engines, "lacks": lacks, "carriers": carriers}
        row = Worker.objects.filter(name=me()).first()
        if row is None or any(getattr(row, name) != fact for name, fact in facts.items()):
            # What was refused may work with what is there now.
            Worker.objects.update_or_create(name=me(), defaults={**facts, "refused": {}, "seen_at": Now()})


def listing(weights: Path) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """What could be computed here: ({layer: {engine: version}}, {layer/engine: why not})."""
    engines: dict[str, dict[str, str]] = {}
    lacks: dict[str, str] = {}
    for offer in engine.every.every().values():
        if lacking := choosing.lacking(offer):
            lacks[offer.key] = lacking
            continue
        names = [""] if offer.checkpoints is None else offer.checkpoints(weights)
        for value in (f"{offer.name}:{name}" if name else offer.name for name in names):
            try:
                choice = choosing.choose(registry.get(offer.layer), value, weights)
                engines.setdefault(offer.layer, {})[value] = choice.engine_version
            except EngineMissing as error:
                lacks[f"{offer.layer}/{value}"] = str(error)
    return engines, lacks


def home(layer_run: LayerRun, usual: str) -> str:
    """The queue for a layer's batches: the usual one, unless all who serve it lack what those at another one have."""
    live = list(Worker.objects.live())
    there = [each for each in live if usual in each.computes]
    if not there or not all(each.why_not(layer_run) for each in there):
        return usual
    able = [each for each in live if each.ready and each.computes and not each.why_not(layer_run)]
    return able[0].computes[0] if able else usual


def serve(name: str) -> bool:
    """Whether a live worker takes from a queue."""
    return any(name in each.queues for each in Worker.objects.live())


def unserved(*, since: datetime, project: Project | None = None) -> list[str]:
    """Queues in which work waits that no live worker takes from.

    Args:
        since: only requests that nobody has planned, and batches whose layer has not gone on, since then.
        project: whose work; that of all by default.
    """
    served = {name for each in Worker.objects.live() for name in each.queues}
    waiting = Batch.objects.filter(Batch.is_due(), layer_run__changed_at__lt=since)
    unplanned = Run.objects.filter(planned_at=None, created_at__lt=since)
    if project is not None:
        waiting, unplanned = waiting.filter(layer_run__clip__project=project), unplanned.filter(project=project)
    found = [name for name in COMPUTING if name not in served and waiting.filter(queue=name).exists()]
    return [CONTROL, *found] if CONTROL not in served and unplanned.exists() else found


def refuse(layer_run: LayerRun, why: str) -> None:
    """Keep in mind that this worker cannot do a layer run, and tell the others."""
    _Process.lacking[layer_run.layer, layer_run.engine, layer_run.engine_version] = time.monotonic()
    if not me():
        return
    with transaction.atomic():
        row = Worker.objects.select_for_update().filter(name=me()).first()
        if row is not None and needs(layer_run) not in row.refused:
            row.refused[needs(layer_run)] = why
            row.save(update_fields=["refused"])


def lacking_here() -> Q:
    """Batches that this process was lately found unable to do, as a condition on them; an empty one for none."""
    found = Q()
    now = time.monotonic()
    for key, since in list(_Process.lacking.items()):
        if now - since > RECHECK:
            _Process.lacking.pop(key, None)
            continue
        layer, chosen, version = key
        found |= Q(layer_run__layer=layer, layer_run__engine=chosen, layer_run__engine_version=version)
    return found
