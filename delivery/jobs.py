"""Machine work of this app: each job takes an id and calls one verb."""

from __future__ import annotations

from celery import shared_task

from delivery import deliveries

_A_WEEK = 7 * 24 * 3600


# Acknowledged at once, and allowed to take long: the row with its lease is what remembers the work, and a broker that
# waits for hours for an acknowledgement hands the message out again.
@shared_task(acks_late=False, reject_on_worker_lost=False, time_limit=_A_WEEK)
def run_delivery(delivery_id: int) -> None:
    deliveries.run(delivery_id=delivery_id)


@shared_task
def reconcile() -> None:
    deliveries.reconcile()
