"""News of a change reaches those who look at the project, and nobody else."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotation.events import announce_change
from annotation.models import Project
from frontend import live
from frontend.consumers import NOT_A_MEMBER, websocket_urlpatterns
from frontend.models import Pulse

pytestmark = pytest.mark.django_db(transaction=True)


class Listener(ApplicationCommunicator):
    """A browser's WebSocket, without the browser."""

    def __init__(self, user: User) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws/projects/table-top/",
            "user": user,
            "headers": [],
            "subprotocols": [],
        }
        super().__init__(URLRouter(websocket_urlpatterns), scope)

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=3))["type"] == "websocket.accept"
        # The first look at the table only learns what is old news.
        await asyncio.sleep(0.1)

    async def open_task(self, task: int) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps({"open": task})})

    async def hear(self) -> Any:
        return json.loads((await self.receive_output(timeout=5))["text"])

    async def is_silent(self) -> bool:
        return bool(await self.receive_nothing(timeout=3 * live.EVERY))

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=3)


def change(project: Project, kind: str, object_id: int) -> None:
    with transaction.atomic():
        announce_change(project_id=project.pk, kind=kind, object_id=object_id)


def test_a_member_hears_of_each_change_once(project: Project, bob: User) -> None:
    async def hear() -> list[dict[str, str]]:
        news = Listener(bob)
        await news.connect()
        await asyncio.to_thread(change, project, "clip", 7)
        heard = [await news.hear()]
        await asyncio.to_thread(change, project, "clip", 7)
        heard.append(await news.hear())
        await asyncio.to_thread(change, project, "run", 3)
        heard.append(await news.hear())
        assert await news.is_silent()
        await news.leave()
        return heard

    heard = async_to_sync(hear)()
    assert heard == [{"kind": "clip", "id": "7"}, {"kind": "clip", "id": "7"}, {"kind": "run", "id": "3"}]


def test_a_stranger_is_sent_away(project: Project, mallory: User) -> None:
    async def knock() -> int:
        news = Listener(mallory)
        await news.connect()
        return int((await news.receive_output(timeout=3))["code"])

    assert async_to_sync(knock)() == NOT_A_MEMBER


def test_nobody_hears_of_another_project(project: Project, bob: User, alice: User) -> None:
    other = Project.objects.create(name="Other", slug="other")

    async def hear() -> bool:
        news = Listener(bob)
        await news.connect()
        await asyncio.to_thread(change, other, "clip", 1)
        silent = await news.is_silent()
        await news.leave()
        return silent

    assert async_to_sync(hear)()


def test_a_change_that_was_rolled_back_is_no_news(project: Project) -> None:
    with transaction.atomic():
        announce_change(project_id=project.pk, kind="clip", object_id=1)
        transaction.set_rollback(True)
    assert not Pulse.objects.filter(kind="clip").exists()


@pytest.fixture
def alone(settings: Any) -> None:
    """One machine without Redis, whatever this run has."""
    settings.REDIS_URL = ""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.mark.usefixtures("alone")
def test_the_table_of_pulses_is_as_long_as_the_list_of_things(project: Project) -> None:
    for _ in range(5):
        change(project, "clip", 1)
    assert Pulse.objects.filter(kind="clip").count() == 1


def test_old_pulses_are_forgotten(project: Project) -> None:
    change(project, "clip", 1)
    Pulse.objects.update(changed_at=timezone.now() - live.KEEP - timedelta(minutes=1))
    live._forget_old()
    assert not Pulse.objects.exists()


@pytest.mark.usefixtures("alone")
def test_nothing_polls_when_nobody_looks(project: Project, bob: User) -> None:
    async def look_and_leave() -> bool:
        news = Listener(bob)
        await news.connect()
        assert live.feeder._task is not None
        await news.leave()
        return live.feeder._task is None

    assert async_to_sync(look_and_leave)()


def test_a_change_is_kept_although_telling_of_it_failed(
    project: Project, settings: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [settings.REDIS_URL]}}
    }
    change(project, "clip", 1)
    assert "were not told" in caplog.text
