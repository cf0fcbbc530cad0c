"""The review of one task without a second annotator: what its list of frames says."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from annotation import tasks
from annotation.models import Clip, Task
from tests.annotation.drawing import disc, draw
from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db


def frames_listed(html: str) -> list[str]:
    """Each row of the list of frames as plain words."""
    table = html[html.index('id="frames"') :].split("</tbody>")[0]
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in table.split("<tr>")[2:]]


def test_frames_say_what_is_drawn_on_them_and_what_is_not(clip: Clip, bob: User, dana: User, browse: Browse) -> None:
    task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
    Task.objects.filter(pk=task.pk).update(frames=[0, 7])
    for x in (20, 60):
        draw(task, bob, disc(clip, x=x, radius=8), frame=0)
    draw(task, bob, disc(clip), frame=3, label="container")
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED)
    page = browse(dana).get(f"/projects/table-top/reviews/{task.pk}/").content.decode()
    assert frames_listed(page) == ["7 nothing drawn", "0 2 × target_object", "3 container"]


@pytest.fixture
def submitted(clip: Clip, bob: User) -> Task:
    task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED)
    return task


def test_work_sent_back_without_words_says_so_at_the_field(submitted: Task, dana: User, browse: Browse) -> None:
    sent = {"verdict": "send_back", "comment": " "}
    answer = browse(dana).post(f"/projects/table-top/reviews/{submitted.pk}/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    form = page[page.index('id="comment"') : page.index('value="accept"')]
    assert "a task is not sent back without a comment" in form
    assert page.count("a task is not sent back without a comment") == 1
    assert 'aria-invalid="true"' in form


def test_a_refused_verdict_keeps_what_the_reviewer_typed(submitted: Task, dana: User, browse: Browse) -> None:
    Task.objects.filter(pk=submitted.pk).update(assignee=dana)
    sent = {"verdict": "accept", "comment": "Clean edges."}
    answer = browse(dana).post(f"/projects/table-top/reviews/{submitted.pk}/", sent)
    assert answer.status_code == 422
    assert ">Clean edges.</textarea>" in answer.content.decode()


def test_who_comes_second_keeps_the_words(submitted: Task, dana: User, browse: Browse) -> None:
    Task.objects.filter(pk=submitted.pk).update(state=Task.State.ACCEPTED)
    sent = {"verdict": "accept", "comment": "Clean edges."}
    page = browse(dana).post(f"/projects/table-top/reviews/{submitted.pk}/", sent).content.decode()
    assert '<p class="quote">Clean edges.</p>' in page
