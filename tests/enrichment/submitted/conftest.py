"""A clip of a scene whose truth is known, a task on it, and what its check tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation import tasks
from annotation.models import Clip, Project, Task
from annotation.scene import render, write_video
from enrichment import work_checks
from enrichment.events import findings_ready
from tests.enrichment.submitted.drawn import SPEC
from tests.factories import ClipFactory


@pytest.fixture(scope="module")
def frames() -> list[Any]:
    return list(render(SPEC))


@pytest.fixture
def scene(project: Project, alice: User, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.getbasetemp() / "checked-scene.mp4"
    if not path.exists():
        write_video(SPEC, path)
    return ClipFactory(project=project, by=alice, path=path)


@pytest.fixture
def task(project: Project, scene: Clip, bob: User) -> Task:
    task = tasks.claim_next(project=project, user=bob)
    assert task is not None
    return task


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    news: list[dict[str, Any]] = []

    def listen(**told: Any) -> None:
        news.append({key: told[key] for key in ("clip_id", "task_id", "check", "findings")})

    findings_ready.connect(listen)
    yield news
    findings_ready.disconnect(listen)


@pytest.fixture
def check(django_capture_on_commit_callbacks: Any) -> Callable[[Task], bool]:
    def one(task: Task) -> bool:
        with django_capture_on_commit_callbacks(execute=True):
            return work_checks.run(task.pk)

    return one
