"""A task that bob and carol did both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation import tasks
from annotation.models import Clip, Project, Task
from tests.annotation.drawing import disc, draw

Draw = Callable[[Task, User], Any]


@pytest.fixture
def task(clip: Clip) -> Task:
    """The clip's first task, open. Nothing is sampled for a second opinion unless a test asks for it."""
    Project.objects.filter(pk=clip.project_id).update(review_share=0.0)
    return Task.objects.select_related("project", "clip").get(clip=clip)


@pytest.fixture
def submit(clip: Clip) -> Callable[..., Task]:
    """Claim, draw (a disc on frame 0 unless told otherwise), submit."""

    def do(task: Task, user: User, drawing: Draw = lambda task, by: draw(task, by, disc(task.clip))) -> Task:
        held = tasks.claim(task=task, user=user)
        drawing(held, user)
        return tasks.submit(task=held, user=user)

    return do


@pytest.fixture
def pair(task: Task, bob: User, carol: User, submit: Callable[..., Task]) -> tuple[Task, Task]:
    """Two submitted tasks on the same frames: bob's disc, and carol's, which lies two pixels to the right."""
    first = submit(task, bob)
    second = tasks.ask_second(task=first, by=None)
    shifted = submit(second, carol, lambda task, by: draw(task, by, disc(task.clip, x=task.clip.width / 2 + 2)))
    return first, shifted
