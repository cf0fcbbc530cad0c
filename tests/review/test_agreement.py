from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries, Settings

from annotation import masks, segments, tasks
from annotation.geometry import iou, rle
from annotation.models import Clip, Project, Task
from review import agreement, jobs, sampling
from review.errors import NothingToCompare
from review.models import Agreement
from tests.annotation.drawing import disc, draw

WORDS = ["Pick up the block.", "Take the block off the table.", "Lift the block."]


def test_two_discs_two_pixels_apart(pair: tuple[Task, Task]) -> None:
    first, second = pair
    found = agreement.compare(task=first)
    expected = iou.mask_iou(disc(first.clip), disc(first.clip, x=first.clip.width / 2 + 2))
    [label] = found.labels.all()
    assert label.label.key == "target_object"
    assert (label.masks, label.matched, label.confused) == (1, 1, 0)
    assert label.iou == pytest.approx(expected) == found.mean_iou
    assert 1.0 < label.boundary_px < 4 / math.pi  # the mean of |2 cos| is 4/π; outlines of whole pixels lie nearer
    assert found.first
    assert (found.task, found.second) == (first, second)


def test_a_confused_label_shows_as_such(task: Task, bob: User, carol: User, submit: Callable[..., Task]) -> None:
    first = submit(task, bob)
    second = tasks.ask_second(task=first, by=None)
    submit(second, carol, lambda task, by: draw(task, by, disc(task.clip), label="container"))
    found = agreement.compare(task=first)
    by_key = {label.label.key: (label.masks, label.confused, label.iou) for label in found.labels.all()}
    assert by_key == {"target_object": (1, 1, 0.0), "container": (1, 1, 0.0)}
    [frame] = [frame for frame in found.frames if frame["pairs"]]
    assert frame["pairs"][0]["confused"]
    assert frame["pairs"][0]["iou"] == 1.0


def test_what_only_one_drew_counts_as_zero(pair: tuple[Task, Task], dana: User) -> None:
    first, _ = pair
    draw(first, dana, disc(first.clip, x=10, y=10, radius=8))  # the reviewer adds what carol did not draw
    [label] = agreement.compare(task=first).labels.all()
    assert (label.masks, label.matched) == (2, 1)
    assert label.iou < 0.5


def test_segments_are_compared_in_seconds(task: Task, bob: User, carol: User, submit: Callable[..., Task]) -> None:
    def grasp(start: int, end: int) -> Callable[[Task, User], Any]:
        return lambda task, by: segments.save(
            task=task, id=uuid.uuid4(), base_version=0, by=by, start=start, end=end, action="pick", phase="grasp",
            instructions=WORDS,
        )  # fmt: skip

    first = submit(task, bob, grasp(4, 16))
    submit(tasks.ask_second(task=first, by=None), carol, grasp(7, 16))
    found = agreement.compare(task=first)
    assert found.temporal_iou == pytest.approx(9 / 12)
    assert found.boundary_error_s == pytest.approx((3 / 12 + 0) / 2)  # 12 frames a second
    assert found.segment_f1 == 1.0
    assert found.kappa == pytest.approx((21 / 24 - 0.5) / 0.5)  # half of bob's frames are grasp, so chance is a half
    assert [(row["a"]["start"], row["b"]["start"]) for row in found.segments] == [(4, 7)]


def test_the_same_work_is_compared_once_and_the_first_comparison_stays(
    pair: tuple[Task, Task], bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    first, second = pair
    before = agreement.compare(task=first)
    assert agreement.compare(task=second).pk == before.pk
    tasks.send_back(task=first, by=dana, comment="Two pixels to the right.")
    with pytest.raises(NothingToCompare, match="both have to be submitted"):
        agreement.compare(task=first)

    def correct(task: Task, by: User) -> None:
        mask = task.masks.get()
        counts = rle.encode(disc(task.clip, x=task.clip.width / 2 + 2))["counts"]
        masks.save(task=task, id=mask.pk, track_id=mask.track_id, frame=0, counts=counts, base_version=1, by=by)

    submit(first, bob, correct)
    after = agreement.compare(task=first)
    assert (after.first, after.mean_iou) == (False, 1.0)
    assert agreement.latest(second) == after
    assert Agreement.objects.get(first=True) == before


def test_there_is_nothing_to_compare_without_a_second(task: Task) -> None:
    with pytest.raises(NothingToCompare, match="no second opinion"):
        agreement.compare(task=task)


def test_the_job_is_safe_to_run_twice_and_at_any_time(pair: tuple[Task, Task]) -> None:
    first, second = pair
    for task_id in (first.pk, second.pk, second.pk, second.pk + 99):
        jobs.compare(task_id)
    assert Agreement.objects.count() == 1


def test_a_pair_whose_message_was_lost_is_found_again(pair: tuple[Task, Task]) -> None:
    first, second = pair
    assert list(agreement.awaiting()) == [second]
    agreement.compare(task=first)
    assert list(agreement.awaiting()) == []


def test_the_last_submission_of_a_pair_asks_for_the_comparison(
    task: Task,
    bob: User,
    carol: User,
    submit: Callable[..., Task],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("review.receivers.send", lambda job, *args: sent.append((job, *args)))
    with django_capture_on_commit_callbacks(execute=True):
        first = submit(task, bob)
        second = tasks.ask_second(task=first, by=None)
    assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        submit(second, carol)
    assert sent == [("review.jobs.compare", second.pk)]


def test_more_masks_are_not_more_queries(
    pair: tuple[Task, Task], dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first, _ = pair
    for n in range(5):
        for one in pair:
            draw(one, dana, disc(first.clip, x=8 + 8 * n, radius=4), frame=n)
    agreement.latest(first)
    with django_assert_max_num_queries(24):
        agreement.compare(task=first)


def test_the_share_decides_how_many_are_done_again(project: Project, settings: Settings) -> None:
    settings.SECRET_KEY = "a secret of this test that makes the draw the same every time"
    project.review_share = 0.15
    drawn = [sampling.is_chosen(Task(pk=n, project=project)) for n in range(2000)]
    assert 0.12 < sum(drawn) / len(drawn) < 0.18
    project.review_share = 1.0
    assert all(sampling.is_chosen(Task(pk=n, project=project)) for n in range(200))
    project.review_share = 0.0
    assert not any(sampling.is_chosen(Task(pk=n, project=project)) for n in range(200))


def test_a_chosen_task_gets_a_second_when_it_is_submitted(
    clip: Clip, bob: User, submit: Callable[..., Task], django_capture_on_commit_callbacks: Any
) -> None:
    Project.objects.update(review_share=1.0)
    with django_capture_on_commit_callbacks(execute=True):
        first = submit(Task.objects.get(clip=clip), bob)
    second = Task.objects.get(second_of=first)
    assert sampling.ask_if_chosen(task=second) is None
    assert sampling.undrawn() == []
