"""Submitted work on a long clip is checked in stretches, a job at a time, and what is found is what one go finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from annotation.models import Clip, Task
from annotation.scene import describe, grasp_label_late
from enrichment import batches, jobs, task_checks, work_checks, work_walks
from enrichment.layers.depth import DepthReader
from enrichment.models import LayerRun, TaskCheck, from_now
from tests.enrichment.submitted.drawn import SPEC, compute_layers, draw, know_motion, label_phases, submit

pytestmark = pytest.mark.django_db
State = TaskCheck.State
CAME_ON = task_checks.came_on


class Table(DepthReader):
    """A table with a step through the picture's middle."""

    def __init__(self, _: object) -> None:
        self.metric = True

    def read(self, frame: int) -> Any:
        row = np.where(np.arange(SPEC.width) < SPEC.width // 2, 0.9, 1.6).astype(np.float32)
        return np.tile(row, (SPEC.height, 1))


def astray(frame: Any) -> Any:
    """From the frame on with which the third stretch begins everything lies elsewhere."""
    return frame if frame.index < 80 else SimpleNamespace(instances=np.roll(frame.instances, 60, axis=1))


@pytest.fixture
def handed_in(
    task: Task, scene: Clip, bob: User, frames: list[Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Task]:
    """Hands in work with something for each check: a mask that goes astray, some over two depths, a late grasp."""
    compute_layers(scene, "flow")
    know_motion(scene, frames, guided=False)
    LayerRun.objects.create(clip=scene, layer="depth", fingerprint="d", version="1", state=LayerRun.State.DONE)
    monkeypatch.setattr(work_walks, "DepthReader", Table)
    labels = {thing.label: thing.instance for thing in describe(SPEC).objects}
    draw(task, bob, frames, labels["target_object"], "target_object", lambda number: frames[number], every=1)
    draw(task, bob, frames, labels["gripper"], "gripper", lambda number: frames[number], every=1)
    draw(task, bob, frames, labels["container"], "container", lambda number: astray(frames[number]))
    label_phases(task, bob, grasp_label_late(describe(SPEC).segments, seconds=0.5, fps=SPEC.fps)[0])

    def hand_in() -> Task:
        task.refresh_from_db()
        submit(task)
        return task

    return hand_in


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stretch of 40 frames a job."""
    monkeypatch.setattr(work_walks, "STRETCH", 40)
    monkeypatch.setattr(work_checks, "LONG_ENOUGH", 0.0)


def left(settings: Settings) -> list[Path]:
    return list((settings.CLIPS_DIR / ".checkpoints").glob("checkpoints_*/work-*"))


def test_what_many_jobs_find_is_what_one_finds(
    handed_in: Callable[[], Task],
    heard: list[Any],
    check: Callable[[Task], bool],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = handed_in()
    assert check(task)
    whole = list(heard)
    assert {each["check"] for each in whole if each["findings"]} == set(work_checks.NAMES)
    heard.clear()
    monkeypatch.setattr(work_walks, "STRETCH", 40)
    monkeypatch.setattr(work_checks, "LONG_ENOUGH", 0.0)
    task = handed_in()
    states = []
    while not states or states[-1] == State.QUEUED:
        assert check(task)
        states.append(TaskCheck.objects.filter(task=task).latest("version").state)
    # Four stretches of three checks; the last job tells of the last one.
    assert states == [State.QUEUED] * 11 + [State.DONE]
    assert heard == whole
    assert left(settings) == []


@pytest.mark.usefixtures("cut")
def test_a_killed_worker_costs_a_stretch_and_no_attempt_that_came_to_something(
    handed_in: Callable[[], Task], check: Callable[[Task], bool], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = handed_in()
    row = TaskCheck.objects.get(task=task)
    monkeypatch.setattr(work_checks, "LONG_ENOUGH", 1e9)
    for stretches in range(1, 5):
        kill_after(monkeypatch, stretches)
        with pytest.raises(KeyboardInterrupt):
            check(task)
        TaskCheck.objects.update(leased_until=from_now(-1))
        jobs.reconcile()
        row.refresh_from_db()
        assert (row.state, row.attempts) == (State.QUEUED, 1)
    monkeypatch.undo()
    assert left(settings)
    batches.sweep()
    assert left(settings), "of work that is being checked nothing is swept"


def kill_after(monkeypatch: pytest.MonkeyPatch, stretches: int) -> None:
    came = iter(range(stretches))

    def came_on(row: TaskCheck, owner: Any) -> None:
        CAME_ON(row, owner)
        if next(came) == stretches - 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(work_checks.task_checks, "came_on", came_on)


@pytest.mark.usefixtures("cut")
def test_other_work_than_was_begun_with_is_begun_with_anew(
    handed_in: Callable[[], Task],
    check: Callable[[Task], bool],
    bob: User,
    frames: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = handed_in()
    begun = walked(monkeypatch)
    assert check(task)
    assert check(task)
    assert begun == [0, 1]
    Task.objects.filter(pk=task.pk).update(state=Task.State.IN_PROGRESS)
    task.refresh_from_db()
    other = next(thing for thing in describe(SPEC).objects if thing.label == "obstacle_rigid")
    draw(task, bob, frames, other.instance, "obstacle_rigid", lambda number: frames[number])
    task = handed_in()
    assert check(task)
    assert begun == [0, 1, 0]
    while TaskCheck.objects.filter(task=task, state=State.QUEUED).count() > 1:
        assert check(task)
    told = len(begun)
    assert check(task), "the older work is only put aside"
    assert len(begun) == told
    assert set(TaskCheck.objects.filter(task=task).values_list("state", flat=True)) == {State.DONE}


def walked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the stretches of depth that are gone through from now on."""
    begun: list[int] = []
    known = work_walks.DepthWalk.over

    def over(self: Any, span: Any, pieces: Any) -> None:
        begun.append(span.index)
        known(self, span, pieces)

    monkeypatch.setattr(work_walks.DepthWalk, "over", over)
    return begun


@pytest.mark.usefixtures("cut")
def test_a_job_that_is_told_to_stop_says_so(
    handed_in: Callable[[], Task], check: Callable[[Task], bool], settings: Settings
) -> None:
    task = handed_in()
    settings.BATCH_SECONDS = 0
    for _ in range(3):
        TaskCheck.objects.update(not_before=None)
        assert check(task)
    row = TaskCheck.objects.get(task=task)
    assert row.state == State.FAILED
    assert "longer than a job may take" in row.error
    assert jobs.check_task.soft_time_limit


def test_pieces_that_are_gone_are_made_again(
    handed_in: Callable[[], Task], check: Callable[[Task], bool], settings: Settings, cut: None
) -> None:
    task = handed_in()
    for _ in range(6):
        assert check(task)
    for path in left(settings):
        for state in path.glob("state_*"):
            state.unlink()
    states = []
    while not states or states[-1] == State.QUEUED:
        TaskCheck.objects.update(not_before=None)
        assert check(task)
        states.append(TaskCheck.objects.get(task=task).state)
    assert states[-1] == State.DONE


def test_a_clip_of_an_hour_is_cut_into_stretches_of_minutes_at_most() -> None:
    assert len(work_walks._stretches(range(30 * 3600))) > 60
