"""Masks that were carried become annotations only when a person takes them over."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation import masks
from annotation.models import Mask, MaskRevision, Task, Track
from enrichment import jobs, propagating, propagations
from enrichment.models import Propagation
from tests.enrichment.propagations.carrying import apply, ask, draw

pytestmark = pytest.mark.django_db


class TestTakingOver:
    @pytest.fixture
    def done(self, task: Task, track: Track, bob: User, scripted: Any) -> Propagation:
        draw(task, track, bob, 4)
        row = propagations.ask(task=task, by=bob, track_id=track.pk, frame=4, to=9, engine="scripted")
        assert propagating.run(row.pk)
        return row

    def test_every_mask_says_where_it_comes_from(
        self, bobs: APIClient, task: Task, track: Track, done: Propagation
    ) -> None:
        version = Task.objects.get().version
        taken = apply(bobs, done.pk).json()
        assert taken["task_version"] == version + 1, "one change, however many frames"
        assert [mask["frame"] for mask in taken["work"]["masks"]] == [5, 6, 7, 8, 9]
        for mask in taken["work"]["masks"]:
            assert (mask["method"], mask["engine"], mask["keyframe"]) == ("propagated", "scripted 7", False)
        source = MaskRevision.objects.get(of__frame=4)
        assert set(MaskRevision.objects.exclude(of__frame=4).values_list("source", flat=True)) == {source.pk}
        assert [(was["frame"], was["counts"], was["version"]) for was in taken["before"]] == [
            (frame, None, 0) for frame in range(5, 10)
        ]
        assert bobs.get(f"/api/tasks/{task.pk}/propagations/").json() == []
        seen = bobs.get(f"/api/tasks/{task.pk}/work/").json()["masks"]
        assert [mask for mask in seen if mask["frame"] > 4] == taken["work"]["masks"]

    def test_a_frame_that_a_person_drew_meanwhile_stays_theirs_and_is_named(
        self, bobs: APIClient, task: Task, track: Track, bob: User, done: Propagation
    ) -> None:
        mine = draw(task, track, bob, 6, x=70)
        draw(task, track, bob, 7, keyframe=False)
        masks.save(
            task=task, id=uuid.uuid4(), track_id=track.pk, frame=8, counts=None, outside=True, base_version=0, by=bob
        )
        was = Mask.objects.get(pk=mine.pk).head
        taken = apply(bobs, done.pk).json()
        assert taken["skipped"] == [6, 8]
        assert Mask.objects.get(pk=mine.pk).head == was
        assert Mask.objects.get(track=track, frame=8).head.outside  # type: ignore[union-attr]
        assert [(b["frame"], b["version"], b["counts"] is None) for b in taken["before"]] == [
            (5, 0, True),
            (7, 1, False),
            (9, 0, True),
        ]
        assert [mask["version"] for mask in taken["work"]["masks"]] == [1, 2, 1]

    def test_only_the_frames_that_are_named(self, bobs: APIClient, done: Propagation, track: Track) -> None:
        taken = apply(bobs, done.pk, frames=[6, 8]).json()
        assert [mask["frame"] for mask in taken["work"]["masks"]] == [6, 8]
        assert apply(bobs, done.pk).status_code == 422, "what was not named is put aside"

    def test_a_frame_that_never_came_is_refused_and_nothing_is_written(
        self, bobs: APIClient, done: Propagation
    ) -> None:
        assert apply(bobs, done.pk, frames=[6, 20]).status_code == 422
        assert MaskRevision.objects.count() == 1

    def test_a_retry_writes_once_and_answers_the_same(self, bobs: APIClient, done: Propagation) -> None:
        key = uuid.uuid4()
        first, again = apply(bobs, done.pk, key=key), apply(bobs, done.pk, key=key)
        assert first.json() == again.json()
        assert MaskRevision.objects.count() == 6

    def test_many_frames_take_as_many_queries_as_few(
        self, bobs: APIClient, task: Task, track: Track, bob: User, done: Propagation
    ) -> None:
        far = propagations.ask(task=task, by=bob, track_id=track.pk, frame=4, to=0, engine="scripted")
        propagating.run(far.pk)
        with CaptureQueriesContext(connection) as few:
            assert len(apply(bobs, far.pk, frames=[3]).json()["work"]["masks"]) == 1
        with CaptureQueriesContext(connection) as many:
            assert len(apply(bobs, done.pk).json()["work"]["masks"]) == 5
        assert len(many) == len(few)

    def test_carrying_again_replaces_what_a_machine_laid_before(
        self, bobs: APIClient, task: Task, track: Track, bob: User, done: Propagation, scripted: Any
    ) -> None:
        apply(bobs, done.pk)
        scripted.gone_from = 8
        again = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()
        jobs.propagate(again["id"])
        taken = apply(bobs, again["id"]).json()
        # What came out the same is left alone; where the object is gone now, the old mask goes too.
        assert [mask["frame"] for mask in taken["work"]["masks"]] == [8, 9]
        assert [mask["counts"] for mask in taken["work"]["masks"]] == [None, None]
        assert all(was["counts"] for was in taken["before"])

    def test_masks_that_nobody_needs_any_more_are_swept(
        self, bobs: APIClient, done: Propagation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert propagations.sweep() == 0
        apply(bobs, done.pk)
        monkeypatch.setattr(propagations, "KEEP_CLOSED", -1.0)
        assert propagations.sweep() == 5


def test_only_whoever_may_draw_in_the_task_carries_masks_in_it(
    api: APIClient, task: Task, track: Track, bob: User, carol: User, dana: User, mallory: User, scripted: Any
) -> None:
    draw(task, track, bob, 4)
    row = propagations.ask(task=task, by=bob, track_id=track.pk, frame=4, to=9, engine="scripted")
    propagating.run(row.pk)
    for person, look, change in ((None, 401, 401), (mallory, 404, 404), (carol, 404, 404), (dana, 200, 409)):
        api.force_authenticate(person)
        for path in (f"tasks/{task.pk}/propagations/", f"propagations/{row.pk}/", f"tasks/{task.pk}/drift/"):
            assert api.get(f"/api/{path}").status_code == look, (person, path)
        assert ask(api, task, track, frame=4, to=9).status_code == change
        assert apply(api, row.pk).status_code == change
    for person, status in ((carol, 404), (dana, 403)):
        api.force_authenticate(person)
        assert api.post(f"/api/propagations/{row.pk}/cancel/").status_code == status
        assert api.delete(f"/api/propagations/{row.pk}/").status_code == status
    assert Propagation.objects.open().get().outcome == "done"
    api.force_authenticate(bob)
    assert apply(api, row.pk).status_code == 200
