"""How a person likes to work follows them, and nobody else, to any machine."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Clip, Task
from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db


def put(client: Client, body: object) -> int:
    return int(client.put("/api/preferences/", json.dumps(body), content_type="application/json").status_code)


def test_the_proposals_shown_are_the_same_on_the_next_machine(
    bob: User, dana: User, clip: Clip, browse: Browse
) -> None:
    page = f"/tasks/{Task.objects.get(clip=clip).pk}/"
    Task.objects.update(assignee=bob)
    assert 'data-threshold=""' in browse(bob).get(page).content.decode()
    assert put(browse(bob), {"threshold": 0.35}) == 200
    assert put(browse(bob), {"threshold": 0.0}) == 200
    assert 'data-threshold="0.0"' in browse(bob).get(page).content.decode()
    assert 'data-threshold=""' in browse(dana).get(page).content.decode()


@pytest.mark.parametrize("body", [{"threshold": 1.2}, {"threshold": "much"}, {}, {"threshold": 0.5, "colour": "red"}])
def test_what_is_no_confidence_is_refused(bob: User, browse: Browse, body: object) -> None:
    assert put(browse(bob), body) == 400


def test_without_a_log_in_there_is_nothing_to_prefer(client: Client) -> None:
    assert put(client, {"threshold": 0.5}) == 401
