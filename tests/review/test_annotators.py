from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from annotation import tasks
from annotation.models import MaskRevision, Project, Task
from review import annotators, progress, reviews
from review.annotators import Person
from tests.annotation.drawing import disc, draw


def person(project: Project, name: str) -> Person:
    return next(one for one in annotators.people(project) if one.username == name)


def test_pace_is_masks_by_hand_over_the_time_worked(
    project: Project, task: Task, bob: User, submit: Callable[..., Task]
) -> None:
    def three(task: Task, by: User) -> None:
        for n in range(3):
            draw(task, by, disc(task.clip, x=20 + 20 * n, radius=6), frame=n)

    submit(task, bob, three)
    Task.objects.filter(pk=task.pk).update(seconds_spent=1800)
    MaskRevision.objects.update(seconds_spent=40)
    MaskRevision.objects.filter(of__frame=2).update(method="auto")  # taken over from a proposal: no work
    found = person(project, "bob")
    assert (found.masks, found.hours, found.masks_per_hour, found.seconds_per_mask) == (2, 0.5, 4.0, 40.0)
    assert person(project, "carol").masks_per_hour is None


def test_first_pass_counts_the_first_verdict_alone(
    project: Project, pair: tuple[Task, Task], bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    first, _ = pair
    reviews.send_back(task=first, by=dana, comment="The rim is missing.")
    submit(first, bob, lambda task, by: None)
    reviews.accept(task=first, by=dana)  # and with it carol's second opinion
    assert (person(project, "bob").first_pass, person(project, "bob").reviewed) == (0.0, 1)
    assert person(project, "carol").first_pass == 1.0
    assert progress.of(project).done == 1.0


def test_a_proposal_counts_once_however_many_frames_it_has(
    project: Project, task: Task, bob: User, submit: Callable[..., Task]
) -> None:
    def draw_many(task: Task, by: User) -> None:
        for n in range(4):
            draw(task, by, disc(task.clip, x=20 + 15 * n, radius=6), frame=n)

    submit(task, bob, draw_many)
    MaskRevision.objects.filter(of__track__number__lte=3).update(edit_iou=1.0)
    MaskRevision.objects.filter(of__track__number=1).update(edit_iou=0.74)
    MaskRevision.objects.filter(of__track__number=2).update(edit_iou=0.75)
    found = person(project, "bob")
    assert (found.proposals, found.major_edits) == (3, pytest.approx(1 / 3))


def a_person(**figures: object) -> Person:
    usual = {
        "username": "bob", "role": "annotator", "in_hand": 0, "submitted": 0, "accepted": 0, "hours": 1.0, "masks": 30,
        "masks_per_hour": 30.0, "seconds_per_mask": 100.0, "proposals": 20, "major_edits": 0.2, "boundary_shift": None,
        "reviewed": 10, "first_pass": 0.9,
    }  # fmt: skip
    return Person(**(usual | figures))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"masks_per_hour": 70.0}, "70 masks an hour; the team's median is 30."),
        ({"masks_per_hour": 10.0}, "10 masks an hour; the team's median is 30."),
        ({"major_edits": 0.5}, "50% of proposals needed major edits; 40% is usual."),
        ({"first_pass": 0.7}, "70% accepted at the first review; 80% is expected."),
    ],
)
def test_what_is_out_of_the_ordinary_is_said(figures: dict[str, float], said: str) -> None:
    odd, *others = annotators._with_alerts([a_person(**figures), a_person(), a_person()])
    assert odd.alerts == (said,)
    assert [one.alerts for one in others] == [(), ()]


def test_nobody_is_an_outlier_for_one_mask_or_one_review() -> None:
    few = a_person(masks=1, masks_per_hour=1.0, reviewed=1, first_pass=0.0, proposals=1, major_edits=1.0)
    assert annotators._with_alerts([few, a_person(), a_person()])[0].alerts == ()


def test_a_task_in_hand_shows_with_its_person(project: Project, task: Task, bob: User) -> None:
    tasks.claim(task=task, user=bob)
    assert (person(project, "bob").in_hand, person(project, "bob").submitted) == (1, 0)
