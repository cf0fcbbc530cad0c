"""Many saves in one request: each keeps its version, its key and its answer."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.response import Response
from rest_framework.test import APIClient

from annotation import revisions, segments, tasks, tracks
from annotation.geometry import rle
from annotation.models import Clip, MaskRevision, Segment, SegmentRevision, Task, Track, Write
from tests.annotation.drawing import disc


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def bobs(api: APIClient, bob: User) -> APIClient:
    api.force_authenticate(bob)
    return api


def edit(kind: str, id: uuid.UUID, base: int, **body: Any) -> dict[str, Any]:
    return {"kind": kind, "id": str(id), "key": str(uuid.uuid4()), "base": base, "body": body}


def send(api: APIClient, task: Task, *edits: dict[str, Any]) -> Response:
    return api.post(f"/api/tasks/{task.pk}/edits/", {"edits": edits}, format="json")  # type: ignore[return-value]


def codes(answer: Response) -> list[int]:
    assert answer.status_code == 207, answer.data
    return [each["status"] for each in answer.data["answers"]]


def test_changes_of_one_segment_are_a_revision_each_in_the_order_given(bobs: APIClient, task: Task) -> None:
    id = uuid.uuid4()
    fields: list[dict[str, Any]] = [{}, {"outcome": "success"}, {"outcome": "success", "hand_side": "left"}]
    answer = send(bobs, task, *(edit("segments", id, n, start=2, end=9, **more) for n, more in enumerate(fields)))
    assert codes(answer) == [201, 200, 200]
    assert [each["body"]["version"] for each in answer.data["answers"]] == [1, 2, 3]
    kept = SegmentRevision.objects.filter(of=id).order_by("id").values_list("number", "outcome", "hand_side", "stale")
    assert list(kept) == [(1, "", "", False), (2, "success", "", False), (3, "success", "left", False)]


def test_an_object_and_its_mask_come_in_one_request(bobs: APIClient, task: Task, clip: Clip) -> None:
    track, mask = uuid.uuid4(), uuid.uuid4()
    counts = rle.encode(disc(clip))["counts"]
    answer = send(
        bobs,
        task,
        edit("tracks", track, 0, label="target_object"),
        edit("masks", mask, 0, track=str(track), frame=3, counts=counts),
    )
    assert codes(answer) == [201, 201]
    assert MaskRevision.objects.get(of=mask).counts == counts


def test_sent_again_cut_otherwise_each_is_written_once(bobs: APIClient, task: Task) -> None:
    id = uuid.uuid4()
    first, second, third = (edit("segments", id, n, start=2, end=9 + n) for n in range(3))
    before = send(bobs, task, first, second)
    # The answer was lost: the first goes alone, the others together.
    headers = {"If-Match": '"0"', "Idempotency-Key": first["key"]}
    alone = bobs.put(f"/api/tasks/{task.pk}/segments/{id}/", first["body"], format="json", headers=headers)
    assert (alone.status_code, alone.data) == (201, before.data["answers"][0]["body"])
    again = send(bobs, task, second, third)
    assert again.data["answers"][0] == before.data["answers"][1]
    assert codes(again) == [200, 200]
    assert list(SegmentRevision.objects.filter(of=id).order_by("id").values_list("number", flat=True)) == [1, 2, 3]


def test_a_refused_write_holds_what_follows_of_its_thing_and_nothing_else(bobs: APIClient, task: Task) -> None:
    bad, good = uuid.uuid4(), uuid.uuid4()
    after = edit("segments", bad, 1, start=2, end=9)
    answer = send(
        bobs,
        task,
        edit("segments", bad, 0, start=2, end=9, action="no_such_action"),
        after,
        edit("segments", good, 0, start=10, end=12, nonsense=1),
        edit("segments", uuid.uuid4(), 0, start=12, end=15),
    )
    assert codes(answer) == [422, 424, 400, 201]
    assert "no action class" in answer.data["answers"][0]["body"]["error"]["message"]
    assert "Unknown field nonsense" in answer.data["answers"][2]["body"]["error"]["message"]
    assert list(Segment.objects.values_list("head__start", flat=True)) == [12]
    # What was held was not written and its key is free: sent over the version that stands, it is taken.
    assert codes(send(bobs, task, after | {"base": 0})) == [201]


def test_a_stale_write_is_kept_beside_and_holds_what_follows_of_its_thing(
    bobs: APIClient, task: Task, bob: User
) -> None:
    id = uuid.uuid4()
    for end in (9, 10):
        segments.save(task=task, id=id, base_version=end - 9, by=bob, start=2, end=end)
    answer = send(
        bobs,
        task,
        edit("segments", id, 1, start=2, end=11),
        edit("segments", id, 2, start=2, end=12),
        edit("segments", uuid.uuid4(), 0, start=12, end=15),
    )
    assert codes(answer) == [412, 424, 201]
    stale = answer.data["answers"][0]["body"]
    assert (stale["version"], stale["mine"]["end"], stale["theirs"]["end"]) == (2, 11, 10)
    kept = SegmentRevision.objects.filter(of=id).order_by("id").values_list("number", "end", "stale")
    assert list(kept) == [(1, 9, False), (2, 10, False), (2, 11, True)]


def test_an_error_in_the_middle_keeps_nothing_of_the_request(
    bobs: APIClient, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = revisions.append, []

    def failing(**kept: Any) -> Any:
        calls.append(kept)
        if len(calls) == 2:
            raise ZeroDivisionError
        return real(**kept)

    monkeypatch.setattr(segments, "append", failing)
    bobs.raise_request_exception = False
    answer = send(bobs, task, *(edit("segments", uuid.uuid4(), 0, start=n, end=n + 1) for n in range(3)))
    assert answer.status_code == 500
    assert not SegmentRevision.objects.exists()
    assert not Write.objects.exists()


def test_a_batch_is_refused_whole_where_the_task_is_not_in_these_hands(
    api: APIClient, task: Task, bob: User, carol: User, dana: User
) -> None:
    wanted = edit("segments", uuid.uuid4(), 0, start=2, end=9)
    for person, status in ((carol, 404), (dana, 409)):
        api.force_authenticate(person)
        assert send(api, task, wanted).status_code == status
    tasks.release(task=task, user=bob)
    api.force_authenticate(bob)
    assert send(api, task, wanted).status_code == 404
    assert not SegmentRevision.objects.exists()


def test_an_empty_or_misshapen_batch_is_refused_before_anything_is_written(bobs: APIClient, task: Task) -> None:
    wanted = edit("segments", uuid.uuid4(), 0, start=2, end=9)
    for wrong in ({"base": -1}, {"kind": "decisions"}, {"key": "7"}, {"colour": "red"}):
        assert send(bobs, task, wanted, wanted | wrong).status_code == 400, wrong
    assert send(bobs, task).status_code == 400
    assert not Segment.objects.exists()


def test_a_thing_of_another_task_is_refused(bobs: APIClient, task: Task, bob: User) -> None:
    track: Track = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=bob, label="target_object").mine.of
    other = Task.objects.create(project=task.project, clip=task.clip, start=0, end=5, frames=[0], assignee=bob)
    Task.objects.filter(pk=other.pk).update(state=Task.State.IN_PROGRESS)
    assert codes(send(bobs, other, edit("tracks", track.pk, 1, label="target_object"))) == [422]
