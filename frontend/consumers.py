"""WebSockets: the news of one project, for its members, and who else has the same task or clip open."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.http import Http404
from django.urls import path

from annotation import access
from annotation.models import Task
from frontend import live, presence

NOT_A_MEMBER = 4403


class ProjectNews(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends {"kind", "id"} for every change in the project.

    A page that has a task open says {"open": task}; it is then counted as there, and told {"kind": "people", "people"}
    whenever somebody with the same clip comes or goes.
    """

    project_id: int | None = None
    task: Task | None = None
    told: list[dict[str, Any]] | None = None
    beat: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        try:
            project = await database_sync_to_async(access.project_for)(
                self.scope["user"], self.scope["url_route"]["kwargs"]["slug"]
            )
        except Http404:
            # Accepted first, because a browser only learns the code of a connection that was open.
            await self.close(NOT_A_MEMBER)
            return
        self.project_id = project.pk
        await self.channel_layer.group_add(live.group(project.pk), self.channel_name)
        live.feeder.watch()

    async def disconnect(self, code: int) -> None:
        if self.beat is not None:
            self.beat.cancel()
        if self.task is not None:
            await database_sync_to_async(presence.leave)(connection=self.channel_name)
        if self.project_id is not None:
            live.feeder.unwatch()
            await self.channel_layer.group_discard(live.group(self.project_id), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """A page says which task it has open; anything else is not for here."""
        wanted = content.get("open") if isinstance(content, dict) else None
        if self.project_id is None or self.task is not None or type(wanted) is not int:
            return
        with suppress(Http404):
            task = await database_sync_to_async(access.task_for)(self.scope["user"], wanted)
            if task.project_id != self.project_id:
                return
            self.task = task
            await database_sync_to_async(presence.arrive)(
                connection=self.channel_name, user=self.scope["user"], task=task
            )
            await self._tell_people()
            self.beat = asyncio.create_task(self._stay())

    async def news(self, event: dict[str, str]) -> None:
        if event["kind"] != "presence":
            await self.send_json({"kind": event["kind"], "id": event["id"]})
        elif self.task is not None and event["id"] == str(self.task.clip_id):
            await self._tell_people()

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(presence.BEAT)
            await database_sync_to_async(presence.stay)(connection=self.channel_name)
            # Those whose server died went without a word.
            await self._tell_people()

    async def _tell_people(self) -> None:
        people = await database_sync_to_async(presence.others)(
            connection=self.channel_name, user=self.scope["user"], task=self.task
        )
        if people != self.told:
            self.told = people
            await self.send_json({"kind": "people", "people": people})


websocket_urlpatterns = [path("ws/projects/<slug:slug>/", ProjectNews.as_asgi())]
