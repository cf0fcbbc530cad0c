"""Carries news of changes to open pages.

With Redis, the process that made the change sends it to the project's group. Without, it leaves a pulse in the
database, and one task per web process feeds the pulses to the groups of that process, as long as somebody is looking.
News only says that a thing changed; pages fetch what they show, so losing one costs a stale view until the next.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils import timezone
from redis.exceptions import RedisError

from frontend.models import Pulse

log = logging.getLogger(__name__)

EVERY = 0.3  # seconds between two looks at the table
OVERLAP = timedelta(seconds=2)  # a slow transaction's pulse may appear behind a later one's
KEEP = timedelta(days=1)


def group(project_id: int) -> str:
    return f"project-{project_id}"


def publish(*, project_id: int, kind: str, object_id: str) -> None:
    """Tell everyone who looks at the project. Never fails the change that it tells of."""
    try:
        if settings.REDIS_URL:
            layer = get_channel_layer()
            news = {"type": "news", "kind": kind, "id": object_id}
            async_to_sync(layer.group_send)(group(project_id), news)
        else:
            _leave_pulse(project_id, kind, object_id)
    except (DatabaseError, RedisError, OSError):
        log.exception("Open pages were not told that %s %s changed", kind, object_id)


def _leave_pulse(project_id: int, kind: str, object_id: str) -> None:
    pulse = Pulse(project_id=project_id, kind=kind, object_id=object_id, beat=uuid.uuid4().hex, changed_at=Now())
    Pulse.objects.bulk_create(
        [pulse],
        update_conflicts=True,
        unique_fields=["project", "kind", "object_id"],
        update_fields=["beat", "changed_at"],
    )


class Feeder:
    """Reads pulses and feeds this process's groups while anyone watches."""

    def __init__(self) -> None:
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        self._watchers += 1
        if settings.REDIS_URL:
            return
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._feed())

    def unwatch(self) -> None:
        self._watchers -= 1
        if self._watchers <= 0 and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _feed(self) -> None:
        since, heard = timezone.now() - OVERLAP, {}
        try:
            await database_sync_to_async(_forget_old)()
            heard = {pulse.pk: pulse.beat for pulse in await database_sync_to_async(_pulses)(since)}
        except DatabaseError:
            log.exception("Pulses could not be read")
        layer = get_channel_layer()
        while True:
            await asyncio.sleep(EVERY)
            try:
                pulses = await database_sync_to_async(_pulses)(since)
            except DatabaseError:
                log.exception("Pulses could not be read")
                continue
            for pulse in pulses:
                if heard.get(pulse.pk) != pulse.beat:
                    news = {"type": "news", "kind": pulse.kind, "id": pulse.object_id}
                    await layer.group_send(group(pulse.project_id), news)
            heard = {pulse.pk: pulse.beat for pulse in pulses}
            if pulses:
                since = max(since, pulses[-1].changed_at - OVERLAP)


def _pulses(since: datetime) -> list[Pulse]:
    return list(Pulse.objects.filter(changed_at__gte=since).order_by("changed_at", "pk"))


def _forget_old() -> None:
    Pulse.objects.filter(changed_at__lt=timezone.now() - KEEP).delete()


feeder = Feeder()
