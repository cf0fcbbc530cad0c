from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.response import Response
from rest_framework.test import APIClient

from annotation import tasks, tracks
from annotation.geometry import rle
from annotation.models import Clip, Mask, MaskRevision, SegmentRevision, Task, Track
from tests.annotation.drawing import disc, draw


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def track(task: Task, bob: User) -> Track:
    return tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=bob, label="target_object").mine.of


@pytest.fixture
def bobs(api: APIClient, bob: User) -> APIClient:
    api.force_authenticate(bob)
    return api


def put(
    api: APIClient, task: Task, kind: str, id: uuid.UUID, body: dict[str, Any], *, version: int = 0, key: Any = None
) -> Response:
    headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(key or uuid.uuid4())}
    return api.put(f"/api/tasks/{task.pk}/{kind}/{id}/", body, format="json", headers=headers)  # type: ignore[return-value]


def mask_body(track: Track, clip: Clip, **more: Any) -> dict[str, Any]:
    return {"track": str(track.pk), "frame": 3, "counts": rle.encode(disc(clip))["counts"], **more}


def test_a_mask_is_saved_and_read_back_bit_for_bit(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    id = uuid.uuid4()
    answer = put(bobs, task, "masks", id, mask_body(track, clip))
    assert (answer.status_code, answer.data["version"], answer.headers["ETag"]) == (201, 1, '"1"')
    [seen] = bobs.get(f"/api/tasks/{task.pk}/work/").data["masks"]
    size = [clip.height, clip.width]
    assert (rle.decode({"size": size, "counts": seen["counts"]}) == disc(clip)).all()
    assert (seen["id"], seen["frame"], seen["area"]) == (str(id), 3, int(disc(clip).sum()))


def test_a_retry_with_the_same_key_changes_nothing(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    id, key = uuid.uuid4(), uuid.uuid4()
    first = put(bobs, task, "masks", id, mask_body(track, clip), key=key)
    again = put(bobs, task, "masks", id, mask_body(track, clip), key=key)
    assert again.data == first.data
    assert MaskRevision.objects.count() == 1
    other = put(bobs, task, "masks", id, mask_body(track, clip, occluded=True), key=key)
    assert (other.status_code, other.data["error"]["code"]) == (422, "refused")


def test_a_stale_save_never_overwrites_and_both_are_kept(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    id = uuid.uuid4()
    put(bobs, task, "masks", id, mask_body(track, clip))
    small = rle.encode(disc(clip, radius=4))["counts"]
    put(bobs, task, "masks", id, mask_body(track, clip, counts=small), version=1)
    late = put(bobs, task, "masks", id, mask_body(track, clip), version=1)
    assert late.status_code == 412
    assert late.data["version"] == 2
    assert late.data["theirs"]["counts"] == small
    assert late.data["mine"]["counts"] == mask_body(track, clip)["counts"]
    assert Mask.objects.get(pk=id).head.counts == small  # type: ignore[union-attr]
    assert list(MaskRevision.objects.order_by("id").values_list("number", "stale")) == [
        (1, False),
        (2, False),
        (2, True),
    ]


def test_two_firsts_on_one_frame_are_one_mask(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip))
    assert put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip)).status_code == 412
    assert Mask.objects.count() == 1


def test_garbage_counts_are_refused_before_anything_is_written(
    bobs: APIClient, task: Task, track: Track, clip: Clip
) -> None:
    wrong = rle.encode(disc(clip)[:-1])["counts"]
    for counts in (wrong, "not an rle", "\x00"):
        answer = put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, counts=counts))
        assert answer.status_code in {400, 422}
    assert not MaskRevision.objects.exists()


def test_a_write_without_version_or_key_is_refused(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    path = f"/api/tasks/{task.pk}/masks/{uuid.uuid4()}/"
    assert bobs.put(path, mask_body(track, clip), format="json").status_code == 400
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert "If-Match" in bobs.put(path, mask_body(track, clip), format="json", headers=headers).data["error"]["message"]


def test_unknown_fields_are_named(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    answer = put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, colour="red"))
    assert answer.status_code == 400
    assert "Unknown field colour" in answer.data["error"]["message"]


def test_tier_1_answers_with_the_save(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    thin = disc(clip) * 0
    thin[10:40, 20] = 1
    answer = put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, counts=rle.encode(thin)["counts"]))
    assert any("px" in remark["message"] for remark in answer.data["remarks"])


def test_a_segment_is_saved_and_its_gaps_named(bobs: APIClient, task: Task) -> None:
    id = uuid.uuid4()
    body = {"start": 2, "end": 9, "phase": "grasp", "instructions": ["Take the block.", "take  the BLOCK.", "Grab it."]}
    answer = put(bobs, task, "segments", id, body)
    assert answer.status_code == 201, answer.data
    said = " ".join(remark["message"] for remark in answer.data["remarks"])
    assert "no action class" in said
    assert "2 different instructions" in said
    assert put(bobs, task, "segments", uuid.uuid4(), {"start": 9, "end": 9}).status_code == 422
    assert SegmentRevision.objects.count() == 1


def test_others_neither_see_nor_change_the_work(
    api: APIClient, task: Task, bob: User, carol: User, mallory: User, dana: User, clip: Clip
) -> None:
    track, mask = draw(task, bob, disc(clip))
    for person in (carol, mallory, None):
        api.force_authenticate(person)
        expected = {401, 403} if person is None else {404}
        assert api.get(f"/api/tasks/{task.pk}/work/").status_code in expected
        assert put(api, task, "masks", mask.pk, mask_body(track, clip, frame=0), version=1).status_code in expected
    api.force_authenticate(dana)
    assert api.get(f"/api/tasks/{task.pk}/work/").status_code == 200
    assert put(api, task, "masks", mask.pk, mask_body(track, clip, frame=0), version=1).status_code == 409


def test_a_reviewer_may_correct_submitted_work(api: APIClient, task: Task, bob: User, dana: User, clip: Clip) -> None:
    track, mask = draw(task, bob, disc(clip))
    tasks.submit(task=task, user=bob)
    api.force_authenticate(dana)
    assert put(api, task, "masks", mask.pk, mask_body(track, clip, frame=0), version=1).status_code == 200
    api.force_authenticate(bob)
    assert put(api, task, "masks", mask.pk, mask_body(track, clip, frame=0), version=2).status_code == 409


def test_opening_work_takes_the_same_queries_however_much_there_is(
    bobs: APIClient, task: Task, bob: User, clip: Clip, django_assert_max_num_queries: Any
) -> None:
    for frame in range(12):
        draw(task, bob, disc(clip), frame=frame)
    with django_assert_max_num_queries(9):
        bobs.get(f"/api/tasks/{task.pk}/work/")


def test_an_object_outside_of_the_picture_has_no_pixels_and_is_read_back_as_outside(
    bobs: APIClient, task: Task, track: Track, clip: Clip
) -> None:
    id = uuid.uuid4()
    assert put(bobs, task, "masks", id, mask_body(track, clip, outside=True)).status_code == 422
    assert put(bobs, task, "masks", id, mask_body(track, clip, outside=True, counts=None)).status_code == 201
    [seen] = bobs.get(f"/api/tasks/{task.pk}/work/").data["masks"]
    assert (seen["outside"], seen["counts"], seen["version"]) == (True, None, 1)
    assert not Mask.objects.drawn().exists()


def test_a_persons_mask_is_a_keyframe_and_a_carried_one_is_not(
    bobs: APIClient, task: Task, track: Track, clip: Clip
) -> None:
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip))
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, frame=4, method="propagated"))
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, frame=5, method="propagated", keyframe=True))
    assert list(MaskRevision.objects.order_by("of__frame").values_list("keyframe", flat=True)) == [True, False, True]


def test_the_whole_objects_outline_is_kept_beside_what_is_seen(
    bobs: APIClient, task: Task, track: Track, clip: Clip
) -> None:
    whole, id = rle.encode(disc(clip, radius=clip.height / 4 + 2))["counts"], uuid.uuid4()
    assert put(bobs, task, "masks", id, mask_body(track, clip, amodal="nonsense\x01")).status_code in {400, 422}
    put(bobs, task, "masks", id, mask_body(track, clip, amodal=whole, occluded=True))
    [seen] = bobs.get(f"/api/tasks/{task.pk}/work/").data["masks"]
    assert (seen["amodal"], seen["occluded"]) == (whole, True)


def test_masks_as_rows_say_what_the_long_form_says(bobs: APIClient, task: Task, track: Track, clip: Clip) -> None:
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, occluded=True))
    put(bobs, task, "masks", uuid.uuid4(), mask_body(track, clip, frame=4, counts=None, outside=True))
    long, short = (bobs.get(f"/api/tasks/{task.pk}/work/{query}").json() for query in ("", "?masks=rows"))
    columns, of = short["masks"]["columns"], short["masks"]["of"]
    read = [dict(zip(columns, row, strict=True), track=track) for track, rows in of.items() for row in rows]
    for mask in read:
        mask["counts"] = mask["counts"] or None
    expected = [{name: mask[name] for name in [*columns, "track"]} for mask in long["masks"]]
    assert sorted(read, key=lambda mask: mask["frame"]) == sorted(expected, key=lambda mask: mask["frame"])
    assert {name: short[name] for name in ("tracks", "segments", "gone")} == {
        name: long[name] for name in ("tracks", "segments", "gone")
    }
