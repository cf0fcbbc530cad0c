"""What bob changed of what engines proposed, as a reviewer reads it."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation import proposals, segments, tasks, work
from annotation.models import Clip, MaskRevision, Proposal, Task
from review import annotators, edits
from tests.annotation.drawing import disc, draw

WORDS = ["Take it.", "Grab it.", "Pick it up."]


def propose(clip: Clip, number: int, start: int, end: int) -> None:
    item = {
        "number": number, "label": "pick", "confidence": 0.8, "start": start, "end": end,
        "details": {"level": "primitive", "phase": "grasp", "descriptions": WORDS},
    }  # fmt: skip
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=[item])


@pytest.fixture
def held(task: Task, clip: Clip, bob: User) -> Task:
    """Bob took two proposed segments over, moved the end of the second by three frames, and rejected a third."""
    held = tasks.claim(task=task, user=bob)
    for number, (start, end) in enumerate([(0, 6), (6, 12), (12, 18)]):
        propose(clip, number, start, end)
    first, second, third = Proposal.objects.order_by("number")
    proposals.accept(task=held, proposals=[first, second], by=bob)
    proposals.reject(task=held, proposals=[third], by=bob)
    moved = work.load_segments(held)[1]
    segments.save(
        task=held, id=uuid.UUID(moved.id), base_version=1, by=bob, start=6, end=15, action="pick", phase="grasp",
        instructions=WORDS,
    )  # fmt: skip
    return held


def test_moved_ends_are_told_in_seconds_and_verdicts_are_counted(held: Task) -> None:
    found = edits.of(held, work.load(held))
    assert found.decided == {"accepted": 1, "adjusted": 1, "rejected": 1}
    [moved] = found.segments
    assert (moved.start_shift, moved.end_shift) == (0.0, pytest.approx(3 / 12))
    assert (found.as_proposed, found.shift) == (1, 0.0)


def test_an_object_is_told_by_its_worst_mask(held: Task, clip: Clip, bob: User) -> None:
    draw(held, bob, disc(clip))
    draw(held, bob, disc(clip, x=10, y=10, radius=8), frame=5)
    one, other = MaskRevision.objects.order_by("of__frame")
    MaskRevision.objects.filter(pk=one.pk).update(edit_iou=0.9, edit_boundary=1.0)
    MaskRevision.objects.filter(pk=other.pk).update(edit_iou=0.4, edit_boundary=9.0)
    found = edits.of(held, work.load(held))
    assert sum(each.major for each in found.objects) == 1
    assert (found.objects[0].worst.frame, found.objects[0].major) == (5, 1)


def test_a_task_without_proposals_has_no_edits(task: Task, bob: User) -> None:
    held = tasks.claim(task=task, user=bob)
    draw(held, bob, disc(held.clip))
    assert not edits.of(held, work.load(held))


def test_people_and_the_review_page_tell_how_far_ends_were_moved(held: Task, bob: User, dana: User) -> None:
    [person] = [one for one in annotators.people(held.project) if one.username == "bob"]
    assert person.boundary_shift == pytest.approx((0 + 3 / 12 / 2) / 2)
    tasks.submit(task=held, user=bob)
    client = Client()
    client.force_login(dana)
    page = client.get(f"/projects/{held.project.slug}/reviews/{held.pk}/").content.decode()
    assert "+250 ms" in page
    assert "1 as proposed, 1 rejected" in page
