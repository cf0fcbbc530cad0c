"""What workers do. A job takes an id and calls one verb; delivered twice, or after the work is done, it does none."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.signals import celeryd_init, worker_init, worker_process_init, worker_ready, worker_shutdown
from django.conf import settings

from annotation.models import Project
from enrichment import (
    alerts,
    batches,
    comparing,
    compute,
    gathering,
    propagating,
    propagations,
    queue,
    reconciler,
    runs,
    surveys,
    threads,
    watching,
    work_checks,
    workers,
)
from enrichment.models import Run

log = logging.getLogger(__name__)

_announcing: list[workers.Announcing] = []


@celeryd_init.connect
def _named(sender: str, **_: object) -> None:
    workers.be(sender)


@worker_init.connect
@worker_process_init.connect
def _share_cores(**_: object) -> None:
    threads.bound(settings.WORKER_THREADS)


@worker_ready.connect
def _announce(sender: Any, **_: object) -> None:
    """Tell the others what this worker could compute."""
    _announcing.append(workers.Announcing(sender.app.amqp.queues.consume_from, watching.look))
    _announcing[-1].start()


@worker_shutdown.connect
def _leave(**_: object) -> None:
    while _announcing:
        _announcing.pop().stop()


@shared_task
def plan(run_id: int, planned: int = 0) -> None:
    """Enter some of a request in the ledger and begin; only from where it is, so that no hint is followed twice."""
    run = Run.objects.unplanned().filter(pk=run_id, clips_planned=planned).select_related("project").first()
    if run is None:
        return
    runs.plan_in_turn(run)
    queue.top_up()


# Told to stop, a batch enters why; it is killed when that does not reach it, as in a long call of a library.
@shared_task(soft_time_limit=settings.BATCH_SECONDS, time_limit=settings.BATCH_SECONDS + compute.STOPPING_SECONDS)
def run_batch(batch_id: int) -> None:
    """Compute one batch: this one, or the next that is free when somebody was quicker."""
    if compute.run_batch(batch_id) or compute.run_like(batch_id):
        queue.top_up()


@shared_task
def compare(before_id: int, after_id: int) -> None:
    """Compare two versions of a layer on a clip."""
    comparing.run(before_id, after_id)


@shared_task(soft_time_limit=settings.BATCH_SECONDS, time_limit=settings.BATCH_SECONDS + compute.STOPPING_SECONDS)
def check_task(task_id: int) -> None:
    """Run the cross-layer checks on a submitted task's work, or go on with them for some minutes."""
    work_checks.run(task_id)


@shared_task
def propagate(propagation_id: int, patience: float = 0.0) -> None:
    """Carry a keyframe's mask to other frames, after so many seconds for a worker that does it better."""
    propagating.run(propagation_id, patience=patience)


@shared_task(soft_time_limit=settings.BATCH_SECONDS, time_limit=settings.BATCH_SECONDS + compute.STOPPING_SECONDS)
def survey(project_id: int) -> None:
    """Compare all keyframes of a project."""
    surveys.run(project_id)


@shared_task
def gather(project_id: int | None = None) -> None:
    """Put the metadata of a project's clips together for queries; without a project, see to it that all are."""
    if project_id is None:
        gathering.look_round()
        return
    project = Project.objects.filter(pk=project_id).first()
    if project is not None:
        gathering.work(project)


@shared_task
def reconcile() -> None:
    """Set right what lost messages and dead workers left behind; the beat calls it every few seconds."""
    reconciler.look_round()


@shared_task
def watch() -> None:
    """Count how layers fare, and raise alerts where they fare badly."""
    watching.look()


@shared_task
def tell() -> None:
    """Tell people of alerts: a job of its own, as mail servers and webhooks may keep it waiting."""
    alerts.tell()


@shared_task
def sweep() -> None:
    """Remove masks that nobody took over, and pieces in the mirror; its disk each machine sweeps, see leftovers.py."""
    propagations.sweep()
    if pieces := batches.sweep_mirror():
        log.info("Removed the pieces of %d layer runs that nobody needs from the mirror.", pieces)
