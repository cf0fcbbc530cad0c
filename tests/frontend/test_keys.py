"""One's own keys: they follow the person, are nobody else's, and one key does one thing."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db


def put(client: Client, keys: object) -> tuple[int, dict[str, object]]:
    answer = client.put("/api/keys/", json.dumps({"keys": keys}), content_type="application/json")
    return answer.status_code, answer.json()


def test_keys_are_kept_for_the_person_and_for_nobody_else(bob: User, dana: User, browse: Browse) -> None:
    wanted = {"tool-brush": ["q"], "on-10": ["v", "Shift+ArrowRight"], "play": [" "]}
    assert put(browse(bob), wanted) == (200, {"keys": wanted})
    assert browse(bob).get("/api/keys/").json() == {"keys": wanted}
    assert browse(dana).get("/api/keys/").json() == {"keys": {}}
    assert browse(bob).delete("/api/keys/").status_code == 204
    assert browse(bob).get("/api/keys/").json() == {"keys": {}}


def test_one_key_for_two_commands_is_refused_with_a_sentence(bob: User, browse: Browse) -> None:
    status, answer = put(browse(bob), {"tool-brush": ["q"], "tool-eraser": ["q"]})
    assert status == 422
    assert "q is given to both tool-brush and tool-eraser" in str(answer)
    assert browse(bob).get("/api/keys/").json() == {"keys": {}}


@pytest.mark.parametrize(
    "keys", [["b"], {"a": "b"}, {"a": ["x" * 41]}, {"a": ["1", "2", "3", "4", "5", "6", "7"]}, "x"]
)
def test_what_are_no_keys_is_refused(bob: User, browse: Browse, keys: object) -> None:
    assert put(browse(bob), keys)[0] == 400


def test_more_commands_than_there_can_be_are_refused(bob: User, browse: Browse) -> None:
    assert put(browse(bob), {f"c{n}": [] for n in range(301)})[0] == 422


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_without_a_log_in_there_are_no_keys(client: Client, method: str) -> None:
    assert getattr(client, method)("/api/keys/").status_code == 401
