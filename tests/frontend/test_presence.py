"""Those who have the same task or clip open know of each other, and of nobody else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import tasks
from annotation.models import Clip, Task
from frontend import presence
from frontend.models import Presence
from tests.frontend.test_live import Listener

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["alone", "with a layer for many processes"])
def mechanism(request: pytest.FixtureRequest, settings: Any) -> None:
    """Without Redis news goes through the database; with it, through the channel layer.

    Where this run has no Redis a layer in memory stands for it.
    """
    if settings.REDIS_URL and request.param != "alone":
        return
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.REDIS_URL = "" if request.param == "alone" else "redis://not-asked"


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


def named(news: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    assert news["kind"] == "people"
    return [(other["name"], other["same_task"], other["own"]) for other in news["people"]]


@pytest.mark.usefixtures("mechanism")
def test_two_people_at_one_task_see_each_other_come_and_go(task: Task, bob: User, dana: User) -> None:
    async def meet() -> list[Any]:
        first, second = Listener(bob), Listener(dana)
        await first.connect()
        await second.connect()
        await first.open_task(task.pk)
        heard = [named(await first.hear())]
        await second.open_task(task.pk)
        heard += [named(await second.hear()), named(await first.hear())]
        await second.leave()
        heard.append(named(await first.hear()))
        await first.leave()
        return heard

    assert async_to_sync(meet)() == [[], [("bob", True, False)], [("dana", True, False)], []]
    assert not Presence.objects.exists()


@pytest.mark.usefixtures("mechanism")
def test_another_task_of_the_clip_is_told_apart_and_ones_own_second_tab_too(task: Task, bob: User, dana: User) -> None:
    other = tasks.ask_second(task=task, by=dana)

    async def meet() -> list[Any]:
        first, tab, reviewer = Listener(bob), Listener(bob), Listener(dana)
        for page, opened in ((reviewer, other), (first, task), (tab, task)):
            await page.connect()
            await page.open_task(opened.pk)
            await asyncio.sleep(0.5)
        heard = [named(await tab.hear())]
        for page in (first, tab, reviewer):
            await page.leave()
        return heard

    assert async_to_sync(meet)() == [[("bob", True, True), ("dana", False, False)]]


def test_a_task_that_one_may_not_see_tells_nothing(task: Task, carol: User) -> None:
    async def ask() -> bool:
        page = Listener(carol)
        await page.connect()
        await page.open_task(task.pk)
        for nonsense in ("x", True, 10**30, None, [1]):
            await page.open_task(nonsense)  # type: ignore[arg-type]
        silent = await page.is_silent()
        await page.leave()
        return silent

    assert async_to_sync(ask)()
    assert not Presence.objects.exists()


def test_a_page_whose_server_died_is_forgotten(task: Task, bob: User, dana: User) -> None:
    presence.arrive(connection="dead", user=dana, task=task)
    assert len(presence.others(connection="mine", user=bob, task=task)) == 1
    Presence.objects.update(seen_at=timezone.now() - presence.SILENT - timedelta(seconds=1))
    assert presence.others(connection="mine", user=bob, task=task) == []
    presence.arrive(connection="mine", user=bob, task=task)
    assert Presence.objects.count() == 1


def test_a_page_that_lives_stays(task: Task, bob: User, dana: User) -> None:
    presence.arrive(connection="old", user=dana, task=task)
    Presence.objects.update(seen_at=timezone.now() - timedelta(seconds=40))
    presence.stay(connection="old")
    Presence.objects.filter(seen_at__lt=timezone.now() - timedelta(seconds=5)).delete()
    assert Presence.objects.count() == 1
