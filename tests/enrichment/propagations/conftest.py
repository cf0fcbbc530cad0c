from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import tasks, tracks
from annotation.models import Clip, Task, Track
from enrichment import queue
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carried, Carrier, Pictures, Stretch


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def track(task: Task, bob: User) -> Track:
    return tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=bob, label="target_object").mine.of


@pytest.fixture
def bobs(api: APIClient, bob: User) -> APIClient:
    api.force_authenticate(bob)
    return api


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the broker was told; no worker listens here."""
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "send", lambda job, *args, queue="cpu", **_: told.append((job, *args, queue)))
    return told


@pytest.fixture
def scripted() -> Iterator[type[Carrier]]:
    """An engine that moves the mask a pixel a frame, and calls `between` after every frame it hands in."""

    class Scripted(Carrier):
        name = "scripted"
        title = "For tests"
        version = "7"
        between: ClassVar[Any] = staticmethod(lambda frame: None)
        stretches: ClassVar[list[Stretch]] = []
        gone_from: ClassVar[int] = 10**6

        def carry(self, pictures: Pictures, stretch: Stretch) -> Iterator[Carried]:
            self.stretches.append(stretch)
            for frame in stretch.frames:
                if frame in stretch.came:
                    continue
                moved = np.roll(stretch.near.mask, frame - stretch.near.frame, axis=1)
                yield Carried(frame, moved & (frame < self.gone_from), 0.9)
                self.between(frame)

    registry.register(Scripted)
    yield Scripted
    registry._known.pop("scripted")
