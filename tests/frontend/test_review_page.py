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
