"""Holding a delivery: a lease that is renewed while work goes on, and progress that people can watch."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import timedelta
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from annotation.events import announce_change
from delivery.errors import TakenOver
from delivery.models import Delivery

log = logging.getLogger(__name__)
_BETWEEN = 1.0  # seconds between two reports of progress


def later() -> Combinable:
    """The end of a lease taken now, by the database's clock."""
    span = Value(timedelta(seconds=settings.LEASE_SECONDS))
    return ExpressionWrapper(Now() + span, output_field=DateTimeField())


class Lease:
    """Renews a claim from a thread of its own, so that a long step does not lose it; use as a context manager.

    `step` and `beat` raise TakenOver once the claim is lost: whoever holds it must then stop writing.
    """

    def __init__(self, delivery: Delivery, token: uuid.UUID) -> None:
        self.token = token
        self._pk = delivery.pk
        self._project = delivery.project_id
        self._lost = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease of {delivery}", daemon=True)
        self._told = time.monotonic()
        self._stage = ""

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def beat(self) -> None:
        """Stop here if the claim is lost. Costs nothing."""
        if self._lost.is_set():
            raise TakenOver(f"Delivery {self._pk} is held by another worker now.")

    def step(self, share: float, stage: str) -> None:
        """Report how far it is (0-1) and what is being done; written at most once a second."""
        self.beat()
        now = time.monotonic()
        if now - self._told < _BETWEEN and stage == self._stage:
            return
        if now - self._told < _BETWEEN / 4 and share < 1.0:
            return
        self._told, self._stage = now, stage
        self.update(progress=round(share, 4), stage=stage[:120])
        announce_change(project_id=self._project, kind="delivery", object_id=self._pk)

    def update(self, **fields: Any) -> None:
        """Write to the row while it is still ours.

        Raises:
            TakenOver: it is not.
        """
        mine = Delivery.objects.filter(pk=self._pk, lease=self.token, state=Delivery.State.RUNNING)
        if not mine.update(leased_until=later(), **fields):
            self._lost.set()
            self.beat()

    def _renew(self) -> None:
        try:
            while not self._over.wait(settings.LEASE_SECONDS / 3):
                try:
                    self.update()
                except TakenOver:
                    return
                except DatabaseError as error:
                    # One missed beat is no loss; the claim is checked again before anything is published.
                    log.warning("The lease of delivery %s could not be renewed: %s", self._pk, error)
        finally:
            # Those of this thread.
            connections.close_all()
