"""Two people's timelines on a page, and the choice between them."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import User

from annotation import segments, tasks
from annotation.models import Clip, Project, Task
from annotation.work import load_segments
from tests.frontend.conftest import Browse

WORDS = ["Pick up the block.", "Take the block off the table.", "Lift the block."]
PAGE = "/projects/table-top/reviews/{}/timelines/"


def annotate(task: Task, by: User, *wanted: tuple[int, int, str]) -> Task:
    held = tasks.claim(task=task, user=by)
    for start, end, phase in wanted:
        segments.save(
            task=held, id=uuid.uuid4(), base_version=0, by=by, start=start, end=end, action="pick", phase=phase,
            instructions=WORDS,
        )  # fmt: skip
    return tasks.submit(task=held, user=by)


@pytest.fixture
def first(clip: Clip, bob: User, carol: User) -> Task:
    """Bob's and carol's timelines: they agree on the place, not on the grasp; carol's lift bob does not have."""
    Project.objects.filter(pk=clip.project_id).update(review_share=0.0)
    made = annotate(Task.objects.get(clip=clip), bob, (0, 8, "grasp"), (18, 24, "place"))
    second = tasks.ask_second(task=made, by=None)
    annotate(second, carol, (0, 5, "grasp"), (8, 12, "lift"), (18, 24, "place"))
    return made


def test_only_rows_in_doubt_are_shown_until_all_are_asked_for(first: Task, dana: User, browse: Browse) -> None:
    page = browse(dana).get(PAGE.format(first.pk)).content.decode()
    assert "250 ms apart" in page
    assert "not set by bob" in page
    assert "agreed" not in page
    assert "3 rows, 2 in doubt" in page
    assert "agreed" in browse(dana).get(PAGE.format(first.pk) + "?rows=all").content.decode()


def test_a_choice_becomes_the_result_and_is_shown_as_such(first: Task, dana: User, browse: Browse) -> None:
    client, address = browse(dana), PAGE.format(first.pk)
    keys = re.findall(r'name="(row-[0-9a-f-]+)" value="1"', client.get(address).content.decode())
    assert len(keys) == 2
    answer = client.post(address + "?rows=all", dict.fromkeys(keys, "1"))
    assert answer.headers["Location"].endswith("?rows=all")
    assert [(s.start, s.end, s.phase) for s in load_segments(first)] == [
        (0, 5, "grasp"), (8, 12, "lift"), (18, 24, "place"),
    ]  # fmt: skip
    page = client.get(address).content.decode()
    assert len(re.findall(r'value="1" checked', page)) == 2


def test_everything_of_one_person_or_the_middle_in_one_press(first: Task, dana: User, browse: Browse) -> None:
    browse(dana).post(PAGE.format(first.pk), {"whole": "merged"})
    assert [(s.start, s.end) for s in load_segments(first)] == [(0, 6), (8, 12), (18, 24)]
    browse(dana).post(PAGE.format(first.pk), {"whole": "0"})
    assert [(s.start, s.end) for s in load_segments(first)] == [(0, 8), (18, 24)]


def test_annotators_do_not_see_it_and_a_single_timeline_leads_back(
    first: Task, bob: User, dana: User, browse: Browse
) -> None:
    assert browse(bob).get(PAGE.format(first.pk)).status_code == 403
    tasks.send_back(task=first, by=dana, comment="Look again.")
    answer = browse(dana).get(PAGE.format(first.pk), follow=True)
    assert answer.redirect_chain[-1][0] == f"/projects/table-top/reviews/{first.pk}/"
    assert "two are needed" in answer.content.decode()


def test_one_more_person_can_be_asked(first: Task, dana: User, browse: Browse) -> None:
    browse(dana).post(f"/projects/table-top/tasks/{first.pk}/second/", {"another": "1"})
    assert first.seconds.count() == 2
    assert "review" in browse(dana).get(PAGE.format(first.pk)).content.decode()
