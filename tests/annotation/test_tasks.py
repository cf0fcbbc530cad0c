from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation import masks, tasks, tracks
from annotation.errors import LeaseLost, NotReady, Refused
from annotation.models import Clip, History, Project, Task
from tests.annotation.drawing import disc, draw


@pytest.fixture
def task(clip: Clip) -> Task:
    return Task.objects.get(clip=clip)


def test_two_people_never_get_the_same_task(project: Project, task: Task, bob: User, carol: User) -> None:
    assert tasks.claim_next(project=project, user=bob) == task
    assert tasks.claim_next(project=project, user=carol) is None


def test_a_person_gets_back_what_they_have_in_hand(project: Project, task: Task, bob: User) -> None:
    tasks.claim_next(project=project, user=bob)
    assert tasks.claim_next(project=project, user=bob) == task


def test_a_task_whose_lease_ran_out_goes_to_the_next_person(
    project: Project, task: Task, bob: User, carol: User
) -> None:
    tasks.claim_next(project=project, user=bob)
    Task.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert tasks.claim_next(project=project, user=carol) == task
    with pytest.raises(LeaseLost, match="no longer yours"):
        tasks.renew(task=task, user=bob)


def test_a_heartbeat_extends_the_lease_and_counts_the_time_but_not_a_night(task: Task, bob: User) -> None:
    tasks.claim(task=task, user=bob)
    Task.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    tasks.renew(task=task, user=bob, seconds=10)
    renewed = tasks.renew(task=task, user=bob, seconds=8 * 3600)
    assert renewed.seconds_spent == 10 + tasks.LONGEST_BEAT
    assert renewed.leased_until is not None
    assert renewed.leased_until > timezone.now() + tasks.LEASE / 2


def test_an_empty_task_is_not_submitted(task: Task, bob: User) -> None:
    tasks.claim(task=task, user=bob)
    with pytest.raises(NotReady, match="is empty") as refused:
        tasks.submit(task=task, user=bob)
    assert [remark.severity for remark in refused.value.remarks][:2] == ["error", "warning"]


def test_a_task_walks_from_the_queue_through_review_and_back(task: Task, bob: User, dana: User) -> None:
    tasks.claim(task=task, user=bob)
    draw(task, bob, disc(task.clip))
    assert tasks.submit(task=task, user=bob).state == Task.State.SUBMITTED
    with pytest.raises(LeaseLost, match="in review"):
        draw(task, bob, disc(task.clip))
    sent = tasks.send_back(task=task, by=dana, comment="The rim is missing.")
    assert (sent.state, sent.comment) == (Task.State.SENT_BACK, "The rim is missing.")
    draw(task, bob, disc(task.clip))
    tasks.submit(task=task, user=bob)
    assert tasks.accept(task=task, by=dana).state == Task.State.ACCEPTED
    verbs = list(History.objects.filter(subject="task").order_by("id").values_list("verb", flat=True))
    assert verbs == ["created", "claimed", "submitted", "sent back", "submitted", "accepted"]


def test_a_task_is_not_sent_back_without_a_word(task: Task, bob: User, dana: User) -> None:
    tasks.claim(task=task, user=bob)
    draw(task, bob, disc(task.clip))
    tasks.submit(task=task, user=bob)
    with pytest.raises(Refused, match="comment"):
        tasks.send_back(task=task, by=dana, comment="  ")


def test_nobody_but_a_manager_reviews_their_own_work(task: Task, dana: User) -> None:
    tasks.claim(task=task, user=dana)
    draw(task, dana, disc(task.clip))
    tasks.submit(task=task, user=dana)
    with pytest.raises(Refused, match="your own work"):
        tasks.accept(task=task, by=dana)


def test_a_second_opinion_never_goes_to_the_first_annotator(
    project: Project, task: Task, bob: User, carol: User
) -> None:
    tasks.claim(task=task, user=bob)
    draw(task, bob, disc(task.clip))
    tasks.submit(task=task, user=bob)
    second = tasks.ask_second(task=task, by=None)
    assert tasks.ask_second(task=task, by=None) == second
    assert tasks.claim_next(project=project, user=bob) is None
    assert tasks.claim_next(project=project, user=carol) == second
    assert second.frames == task.frames


def test_frames_are_first_annotated_once(project: Project, clip: Clip, alice: User) -> None:
    with pytest.raises(Refused, match="There is a task on frames 0 to "):
        tasks.create(project=project, clip=clip, by=alice)
    with pytest.raises(Refused, match="does not fit"):
        tasks.create(project=project, clip=clip, by=alice, start=3, end=clip.frame_count + 1)


def test_a_mask_outside_the_task_is_refused(task: Task, bob: User) -> None:
    tasks.claim(task=task, user=bob)
    track, _ = draw(task, bob, disc(task.clip))
    with pytest.raises(Refused, match="Frame 999 is not in task"):
        masks.save(task=task, id=track.pk, track_id=track.pk, frame=999, counts=None, base_version=0, by=bob)
    with pytest.raises(Refused, match="no label 'unicorn'; choose one of"):
        tracks.save(task=task, id=track.pk, base_version=1, by=bob, label="unicorn")
