from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation.errors import CommentMissing
from annotation.models import Clip, History, Task
from enrichment.events import findings_ready
from review import flags, reviews
from review.errors import AlreadyDecided, ReviewRefused
from review.models import Flag, Review
from tests.annotation.drawing import disc, draw

CHECK = "flow_vs_segmentation"


def finding(start: int = 2, end: int = 5, **more: Any) -> dict[str, Any]:
    reason = f"Mask 1 moved 2 px, flow says 31 px from frame {start}."
    return {"check": CHECK, "start": start, "end": end, "severity": 2, "reason": reason, "evidence": {}} | more


def record(task: Task, *findings: dict[str, Any]) -> list[Flag]:
    return flags.record(clip=task.clip, task=Task.objects.get(pk=task.pk), check=CHECK, findings=findings)


def test_running_a_check_again_replaces_its_open_flags(task: Task) -> None:
    record(task, finding(2, 5), finding(8, 9))
    kept = Flag.objects.get(start=8)
    assert [flag.start for flag in record(task, finding(8, 9), finding(12, 20))] == [8, 12]
    assert Flag.objects.get(start=8).pk == kept.pk
    assert Flag.objects.get(start=2).state == Flag.State.GONE


def test_what_is_sent_twice_is_kept_once(task: Task) -> None:
    record(task, finding(), finding())
    record(task, finding())
    assert Flag.objects.count() == 1
    assert History.objects.filter(verb="checked").count() == 1


def test_a_check_of_the_proposals_leaves_flags_on_the_work_alone(task: Task) -> None:
    record(task, finding())
    flags.record(clip=task.clip, task=None, check=CHECK, findings=[])
    flags.record(clip=task.clip, task=task, check="actions_vs_motion", findings=[])
    assert Flag.objects.get().is_open


def test_a_dismissed_flag_does_not_come_back(task: Task, dana: User) -> None:
    [flag] = record(task, finding())
    flags.decide(flag=flag, verdict="dismissed", by=dana, reason="The cup is transparent.")
    assert record(task, finding()) == []
    assert Flag.objects.get().state == Flag.State.DISMISSED
    [other] = record(task, finding(reason="Mask 1 moved 9 px, flow says 31 px."))
    assert other.is_open


def test_a_dismissed_flag_does_not_come_back_after_it_was_away(task: Task, dana: User) -> None:
    [flag] = record(task, finding())
    flags.decide(flag=flag, verdict="dismissed", by=dana, reason="The cup is transparent.")
    record(task)
    assert record(task, finding()) == []


def test_what_was_to_be_mended_comes_back_if_it_is_submitted_unmended(
    task: Task, bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    done = submit(task, bob)
    [flag] = record(done, finding())
    flags.decide(flag=flag, verdict="sent_back", by=dana, reason="The rim is missing.")
    assert record(done, finding()) == []  # an old message, delivered twice
    submit(task, bob, lambda task, by: None)
    [again] = record(done, finding())
    assert (again.pk, again.is_open, again.decided_by) == (flag.pk, True, None)


def test_a_flag_is_not_dismissed_without_a_reason(task: Task, dana: User) -> None:
    [flag] = record(task, finding())
    with pytest.raises(CommentMissing, match="Say why"):
        flags.decide(flag=flag, verdict="dismissed", by=dana, reason="  ")
    assert Flag.objects.get().is_open


def test_a_flag_is_decided_once(task: Task, dana: User, alice: User) -> None:
    [flag] = record(task, finding())
    flags.decide(flag=flag, verdict="fixed", by=dana)
    with pytest.raises(AlreadyDecided, match="dana was first"):
        flags.decide(flag=flag, verdict="dismissed", by=alice, reason="No.")


def test_sending_a_flag_back_sends_the_task_back_with_the_reason_and_the_frames(
    task: Task, bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    [flag] = record(submit(task, bob), finding(2, 5))
    flags.decide(flag=flag, verdict="sent_back", by=dana, reason="The rim is missing.")
    task.refresh_from_db()
    assert task.state == Task.State.SENT_BACK
    assert task.comment.startswith("The rim is missing. (frames 2 to 4: Mask 1 moved 2 px, flow says 31 px")
    assert Review.objects.get().annotator == bob


def test_a_second_flag_is_sent_back_with_the_first(
    task: Task, bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    first, second = record(submit(task, bob), finding(2, 5), finding(8, 9))
    flags.decide(flag=first, verdict="sent_back", by=dana, reason="The rim is missing.")
    flags.decide(flag=second, verdict="sent_back", by=dana, reason="So is the handle.")
    task.refresh_from_db()
    assert [line.split(" (")[0] for line in task.comment.splitlines()] == ["So is the handle.", "The rim is missing."]
    assert Review.objects.count() == 1


def test_a_doubt_about_a_proposal_goes_to_whoever_worked_on_those_frames(
    task: Task, bob: User, dana: User, submit: Callable[..., Task]
) -> None:
    [flag] = flags.record(clip=task.clip, task=None, check=CHECK, findings=[finding()])
    with pytest.raises(ReviewRefused, match="Nobody has submitted work on frames 2 to 4"):
        flags.decide(flag=flag, verdict="sent_back", by=dana, reason="The rim is missing.")
    submit(task, bob)
    flags.decide(flag=flag, verdict="sent_back", by=dana, reason="The rim is missing.")
    task.refresh_from_db()
    assert task.state == Task.State.SENT_BACK


def test_a_finding_outside_the_clip_is_refused(task: Task) -> None:
    with pytest.raises(ReviewRefused, match="has frames 20 to 99"):
        record(task, finding(20, 99))


def test_evidence_with_gaps_in_its_series_can_be_stored(task: Task) -> None:
    record(task, finding(evidence={"series": [{"values": [1.0, float("nan"), float("inf")]}]}))
    assert Flag.objects.get().evidence == {"series": [{"values": [1.0, None, None]}]}


def test_news_from_a_check_becomes_flags(task: Task, clip: Clip) -> None:
    findings_ready.send(sender=None, clip_id=clip.pk, task_id=None, check=CHECK, findings=[finding()])
    findings_ready.send(sender=None, clip_id=clip.pk, task_id=task.pk, check=CHECK, findings=[finding()])
    findings_ready.send(sender=None, clip_id=clip.pk, task_id=task.pk + 99, check=CHECK, findings=[finding()])
    assert sorted(Flag.objects.values_list("task", flat=True), key=bool) == [None, task.pk]


def test_the_queue_is_by_severity_then_age(task: Task) -> None:
    record(task, finding(0, 1, severity=1), finding(1, 2, severity=3), finding(2, 3, severity=3))
    assert [flag.start for flag in Flag.objects.worst_first()] == [1, 2, 0]


def test_verdicts_on_a_task_are_counted(task: Task, bob: User, dana: User, submit: Callable[..., Task]) -> None:
    submit(task, bob)
    reviews.send_back(task=task, by=dana, comment="The rim is missing.")
    submit(task, bob, lambda task, by: draw(task, by, disc(task.clip, radius=8), label="gripper"))
    reviews.accept(task=task, by=dana)
    seen = Review.objects.values_list("number", "verdict", "annotator__username", "by__username")
    assert list(seen) == [(1, "send_back", "bob", "dana"), (2, "accept", "bob", "dana")]
