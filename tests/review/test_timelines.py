"""Timelines of bob, carol and others over each other, and the one that dana makes of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import projects, segments, tasks
from annotation.models import Clip, Membership, Project, SegmentRevision, Task
from annotation.work import WorkSegment, load_segments
from review import adjudication, timelines
from review.errors import NothingToCompare, ReviewRefused
from tests.annotation.drawing import disc, draw
from tests.factories import UserFactory

WORDS = ["Pick up the block.", "Take the block off the table.", "Lift the block."]
OTHER_WORDS = ["Fetch the block.", "Raise the block.", "Take hold of the block."]
Set = tuple[int, int, str]


def setting(*wanted: Set, level: str = "primitive", words: list[str] = WORDS) -> Callable[[Task, User], Any]:
    def do(task: Task, by: User) -> None:
        for start, end, phase in wanted:
            segments.save(
                task=task, id=uuid.uuid4(), base_version=0, by=by, start=start, end=end, level=level, action="pick",
                phase=phase, instructions=words,
            )  # fmt: skip

    return do


def said(found: list[WorkSegment] | tuple[WorkSegment, ...]) -> list[Set]:
    return [(segment.start, segment.end, segment.phase) for segment in found]


@pytest.fixture
def both(task: Task, bob: User, carol: User, submit: Callable[..., Task]) -> Task:
    """Bob's grasp and lift; carol's grasp ends two frames later, her second segment is a transport, a third is new."""
    first = submit(task, bob, setting((0, 8, "grasp"), (8, 16, "lift")))
    second = tasks.ask_second(task=first, by=None)
    submit(second, carol, setting((0, 10, "grasp"), (10, 16, "transport"), (20, 24, "place"), words=OTHER_WORDS))
    return first


def by_start(found: timelines.Timelines) -> dict[int, timelines.Row]:
    return {min(segment.start for segment in row.said): row for row in found.rows}


def test_rows_pair_what_is_one_thing_whatever_it_is_called(both: Task) -> None:
    found = timelines.of(both)
    assert [[segment and segment.phase for segment in row.segments] for row in found.rows] == [
        ["grasp", "grasp"], ["lift", "transport"], [None, "place"],
    ]  # fmt: skip
    figures = found.levels["primitive"].overall
    assert figures.temporal_iou == pytest.approx(8 / 10 / 4)  # one pair; lift, transport and place are alone
    assert figures.boundary_error == pytest.approx(2 / 12 / 2)  # 12 frames a second
    assert set(found.levels) == {"primitive"}


def test_a_timeline_made_of_both_is_what_is_delivered(both: Task, dana: User) -> None:
    rows = by_start(timelines.of(both))
    choices = {rows[0].key: "merged", rows[8].key: "1", rows[20].key: "1"}
    made = adjudication.adjudicate(task=both, choices=choices, by=dana)
    # Carol's transport begins at 10, the middle of the two grasps ends at 9.
    assert said(load_segments(both)) == [(0, 9, "grasp"), (10, 16, "transport"), (20, 24, "place")]
    assert (made.written, made.removed, made.settled) == (3, 0, 0)
    [grasp, *_] = load_segments(both)
    assert grasp.instructions == (*WORDS, *OTHER_WORDS)
    assert grasp.author == dana.pk
    found = timelines.of(both)
    assert said(found.own[0]) == [(0, 8, "grasp"), (8, 16, "lift")]  # what bob submitted is still bob's
    assert [adjudication.choice_now(found, row) for row in found.rows] == ["merged", "1", "1"]
    again = adjudication.adjudicate(task=both, choices=choices, by=dana)
    assert (again.written, again.removed) == (0, 0)


def test_a_small_overlap_of_two_peoples_segments_is_cut_in_the_middle(both: Task, dana: User) -> None:
    rows = by_start(timelines.of(both))
    made = adjudication.adjudicate(task=both, choices={rows[0].key: "1"}, by=dana)
    assert said(load_segments(both)) == [(0, 9, "grasp"), (9, 16, "lift")]
    assert made.settled == 1


def test_another_persons_tracks_stay_in_their_own_task(
    task: Task, bob: User, carol: User, dana: User, submit: Callable[..., Task]
) -> None:
    def with_object(task: Task, by: User) -> None:
        draw(task, by, disc(task.clip))
        track = task.tracks.get()
        segments.save(
            task=task, id=uuid.uuid4(), base_version=0, by=by, start=0, end=8, action="pick", phase="grasp",
            instructions=WORDS, object=track.pk, object_name=f"{by.username}'s block",
        )  # fmt: skip

    first = submit(task, bob, with_object)
    submit(tasks.ask_second(task=first, by=None), carol, with_object)
    [row] = timelines.of(first).rows
    adjudication.adjudicate(task=first, choices={row.key: "1"}, by=dana)
    [made] = load_segments(first)
    assert (made.object, made.object_name) == (str(first.tracks.get().pk), "carol's block")
    assert adjudication.choice_now(timelines.of(first), row) == "1"


def test_links_lead_to_the_mask_that_shows_the_same_or_nowhere(
    task: Task, bob: User, carol: User, dana: User, submit: Callable[..., Task]
) -> None:
    """Bob drew two blocks in one order and carol in the other; carol has a third one, which bob has not."""
    places = {"left": (0.2, 0.3), "right": (0.8, 0.3), "below": (0.5, 0.8)}

    def linked(*order: str) -> Callable[[Task, User], Any]:
        def do(task: Task, by: User) -> None:
            for n, name in enumerate(order):
                x, y = places[name]
                made, _ = draw(task, by, disc(task.clip, x=x * task.clip.width, y=y * task.clip.height, radius=5))
                segments.save(
                    task=task, id=uuid.uuid4(), base_version=0, by=by, start=8 * n, end=8 * n + 8, action="pick",
                    phase="grasp", instructions=WORDS, object=made.pk, object_name=name,
                )  # fmt: skip

        return do

    first = submit(task, bob, linked("left", "right"))
    submit(tasks.ask_second(task=first, by=None), carol, linked("right", "left", "below"))
    rows = by_start(timelines.of(first))
    choices = {row.key: "1" for row in rows.values()}
    made = adjudication.adjudicate(task=first, choices=choices, by=dana)
    named = {str(track.pk): ["left", "right"][track.number - 1] for track in first.tracks.all()}
    assert [(each.object_name, named.get(each.object or "")) for each in load_segments(first)] == [
        ("right", "right"), ("left", "left"), ("below", None),
    ]  # fmt: skip
    [sentence] = made.unlinked
    assert "grasp 16–23 is not linked with the mask of its object" in sentence
    assert [adjudication.choice_now(timelines.of(first), row) for row in rows.values()] == ["1", "1", "1"]


def test_segments_that_lie_over_each_other_are_refused(
    task: Task, bob: User, carol: User, dana: User, submit: Callable[..., Task]
) -> None:
    first = submit(task, bob, setting((0, 4, "grasp"), (4, 20, "lift")))
    submit(tasks.ask_second(task=first, by=None), carol, setting((0, 16, "grasp"), (16, 20, "lift")))
    rows = by_start(timelines.of(first))
    with pytest.raises(ReviewRefused, match="grasp 0–15 and lift 4–19 lie over each other"):
        adjudication.adjudicate(task=first, choices={rows[0].key: "1"}, by=dana)
    assert said(load_segments(first)) == [(0, 4, "grasp"), (4, 20, "lift")]


def test_what_the_grammar_lets_overlap_is_not_cut(both: Task, dana: User) -> None:
    Project.objects.filter(pk=both.project_id).update(grammar=[{"kind": "may_overlap", "what": "phase:grasp"}])
    rows = by_start(timelines.of(both))
    made = adjudication.adjudicate(task=both, choices={rows[0].key: "1"}, by=dana)
    assert sorted(said(load_segments(both))) == [(0, 10, "grasp"), (8, 16, "lift")]
    assert made.settled == 0


def test_a_segment_left_out_can_be_taken_in_again(both: Task, dana: User) -> None:
    rows = by_start(timelines.of(both))
    adjudication.adjudicate(task=both, choices={rows[0].key: "none", rows[20].key: "1"}, by=dana)
    assert said(load_segments(both)) == [(8, 16, "lift"), (20, 24, "place")]
    adjudication.adjudicate(task=both, choices={rows[0].key: "0", rows[20].key: "none"}, by=dana)
    assert said(load_segments(both)) == [(0, 8, "grasp"), (8, 16, "lift")]
    adjudication.adjudicate(task=both, choices={rows[20].key: "1"}, by=dana)
    assert said(load_segments(both))[-1] == (20, 24, "place")
    assert not SegmentRevision.objects.filter(stale=True).exists()


def test_what_a_reviewer_moved_by_hand_stays_unless_something_else_is_chosen(both: Task, dana: User) -> None:
    [grasp, lift] = load_segments(both)
    segments.save(
        task=both, id=uuid.UUID(grasp.id), base_version=1, by=dana, start=1, end=8, action="pick", phase="grasp",
        instructions=WORDS,
    )  # fmt: skip
    found = timelines.of(both)
    rows = by_start(found)
    assert adjudication.choice_now(found, rows[0]) == adjudication.KEPT
    adjudication.adjudicate(task=both, choices={rows[0].key: "kept", rows[8].key: "0"}, by=dana)
    assert said(load_segments(both)) == [(1, 8, "grasp"), (8, 16, "lift")]
    assert lift.version == 1


def test_three_people_are_compared_two_by_two(
    both: Task, clip: Clip, dana: User, submit: Callable[..., Task], carol: User
) -> None:
    erin = UserFactory(username="erin")
    manager = clip.project.memberships.get(role=Membership.Role.MANAGER).user
    projects.set_role(project=clip.project, user=erin, role=Membership.Role.ANNOTATOR, by=manager)
    third = tasks.ask_second(task=both, by=dana, another=True)
    assert third != both.seconds.order_by("pk").first()
    assert not Task.objects.filter(pk=third.pk).claimable_by(carol).exists()  # she did these frames already
    submit(third, erin, setting((0, 9, "grasp"), (10, 16, "lift"), (19, 24, "place")))
    found = timelines.of(third)
    assert [task.assignee and task.assignee.username for task in found.tasks] == ["bob", "carol", "erin"]
    assert len(found.levels["primitive"].pairs) == 3
    rows = by_start(found)
    adjudication.adjudicate(task=third, choices={row.key: "merged" for row in found.rows}, by=dana)
    assert said(load_segments(both)) == [(0, 9, "grasp"), (10, 16, "lift"), (19, 24, "place")]
    assert rows[19].segments[0] is None


def test_levels_are_compared_apart(task: Task, bob: User, carol: User, submit: Callable[..., Task]) -> None:
    def two_levels(task: Task, by: User) -> None:
        setting((0, 24, ""), level="task")(task, by)
        setting((0, 8, "grasp"))(task, by)

    first = submit(task, bob, two_levels)
    submit(tasks.ask_second(task=first, by=None), carol, setting((0, 8, "grasp")))
    found = timelines.of(first)
    assert found.levels["primitive"].overall.temporal_iou == 1.0
    assert found.levels["task"].overall.temporal_iou == 0.0
    assert [row.level for row in found.rows] == ["task", "primitive"]


def test_one_timeline_is_nothing_to_compare(task: Task, bob: User, submit: Callable[..., Task]) -> None:
    first = submit(task, bob, setting((0, 8, "grasp")))
    tasks.ask_second(task=first, by=None)
    with pytest.raises(NothingToCompare, match="One of 2 timelines"):
        timelines.of(first)


def test_who_may_decide_and_on_what(both: Task, bob: User, dana: User) -> None:
    key = timelines.of(both).rows[0].key
    with pytest.raises(ReviewRefused, match="your own work"):
        adjudication.adjudicate(task=both, choices={key: "1"}, by=bob)
    with pytest.raises(ReviewRefused, match="reload the page"):
        adjudication.adjudicate(task=both, choices={str(uuid.uuid4()): "1"}, by=dana)
    with pytest.raises(ReviewRefused, match="no choice"):
        adjudication.adjudicate(task=both, choices={key: "7"}, by=dana)
    tasks.accept(task=both, by=dana)
    with pytest.raises(ReviewRefused, match="while it is in review"):
        adjudication.adjudicate(task=both, choices={key: "1"}, by=dana)


def test_the_api_tells_and_decides(both: Task, bob: User, dana: User) -> None:
    client = APIClient()
    client.force_authenticate(bob)
    assert client.get(f"/api/tasks/{both.pk}/timelines/").status_code == 403
    client.force_authenticate(dana)
    body = client.get(f"/api/tasks/{both.pk}/timelines/").json()
    assert body["people"] == ["bob", "carol"]
    assert [row["chosen"] for row in body["rows"]] == ["0", "0", "none"]
    assert {each["phase"] for each in body["levels"]["primitive"]["classes"]} == {"grasp", "lift", "transport", "place"}
    choices = {row["key"]: "1" for row in body["rows"]}
    made = client.post(f"/api/tasks/{both.pk}/timelines/", {"choices": choices}, format="json").json()
    assert (made["written"], [row["chosen"] for row in made["timelines"]["rows"]]) == (3, ["1", "1", "1"])
