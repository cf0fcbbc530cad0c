"""Masks carried from a keyframe: asked for, arriving, cancelled; never over what a person drew."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import events, masks
from annotation.geometry import rle
from annotation.models import Mask, Project, Task, Track
from enrichment import jobs, propagating, propagations
from enrichment.models import PropagatedMask, Propagation, from_now
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carrier
from tests.annotation.drawing import disc
from tests.enrichment.propagations.carrying import apply, ask, draw

pytestmark = pytest.mark.django_db


class TestRange:
    def test_it_ends_before_the_next_human_frame_and_at_the_task(
        self, bobs: APIClient, task: Task, track: Track, bob: User
    ) -> None:
        draw(task, track, bob, 4)
        draw(task, track, bob, 15)
        made = ask(bobs, task, track, frame=4, to=20).json()
        assert (made["to"], made["frames_total"], made["state"], made["engine"]) == (14, 10, "queued", "flow")
        assert ask(bobs, task, track, frame=4, to=0).json()["to"] == 0
        assert ask(bobs, task, track, frame=15, to=500).json()["to"] == 23
        assert ask(bobs, task, track, frame=15, to=2).json()["to"] == 5

    def test_a_frame_where_the_object_is_outside_ends_it_and_is_no_second_end(
        self, bobs: APIClient, task: Task, track: Track, bob: User
    ) -> None:
        draw(task, track, bob, 4)
        masks.save(
            task=task, id=uuid.uuid4(), track_id=track.pk, frame=9, counts=None, outside=True, base_version=0, by=bob
        )
        made = ask(bobs, task, track, frame=4, to=20)
        assert made.json()["to"] == 8
        assert Propagation.objects.get().far is None
        refused = ask(bobs, task, track, frame=4, to=20, engine="interpolation")
        assert (refused.status_code, "two keyframes" in refused.json()["error"]["message"]) == (422, True)

    def test_what_cannot_be_carried_is_refused_with_a_sentence(
        self, bobs: APIClient, task: Task, track: Track, bob: User
    ) -> None:
        draw(task, track, bob, 4)
        draw(task, track, bob, 5)
        draw(task, track, bob, 8, keyframe=False)
        for body, said in (
            ({"frame": 4, "to": 4}, "another frame"),
            ({"frame": 4, "to": 9}, "Frame 5 is a keyframe too"),
            ({"frame": 6, "to": 9}, "no keyframe with a mask on frame 6"),
            ({"frame": 8, "to": 9}, "no keyframe with a mask on frame 8"),
            ({"frame": 5, "to": 9, "engine": "magic"}, "there are flow, interpolation"),
        ):
            answer = ask(bobs, task, track, **body)
            assert answer.status_code == 422, body
            assert said in answer.json()["error"]["message"]
        assert ask(bobs, task, track, frame=5, to=9, wrong=1).status_code == 400
        assert not Propagation.objects.exists()

    def test_the_project_chooses_the_engine(self, bobs: APIClient, task: Task, track: Track, bob: User) -> None:
        Project.objects.update(propagation_engine="interpolation")
        draw(task, track, bob, 4)
        draw(task, track, bob, 15)
        assert ask(bobs, task, track, frame=4, to=20).json()["engine"] == "interpolation"
        assert ask(bobs, task, track, frame=4, to=20, engine="flow").json()["engine"] == "flow"


class TestArriving:
    def test_masks_come_frame_by_frame_and_are_asked_for_by_what_one_has(
        self,
        bobs: APIClient,
        task: Task,
        track: Track,
        bob: User,
        scripted: Any,
        monkeypatch: pytest.MonkeyPatch,
        sent: list[Any],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        monkeypatch.setattr(propagating, "GATHER", 0.0)
        draw(task, track, bob, 4)
        with django_capture_on_commit_callbacks(execute=True):
            made = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()
        assert ("enrichment.jobs.propagate", made["id"], "interactive") in sent
        path = f"/api/propagations/{made['id']}/"
        seen: list[int] = []

        def look(frame: int) -> None:
            far = bobs.get(f"{path}?after={len(seen)}").json()
            assert (far["state"], far["frames_done"]) == ("running", len(seen) + 1)
            seen.extend(mask["frame"] for mask in far["masks"])

        scripted.between = staticmethod(look)
        jobs.propagate(made["id"])
        assert seen == [5, 6, 7, 8, 9]
        done = bobs.get(path).json()
        assert (done["state"], done["frames_done"], done["reason"]) == ("done", 5, "")
        first = done["masks"][0]
        expected = np.roll(disc(task.clip, x=40, radius=12), 1, axis=1)
        size = [task.clip.height, task.clip.width]
        assert np.array_equal(rle.decode({"size": size, "counts": first["counts"]}), expected)
        assert (first["seq"], first["confidence"], first["bbox"]) == (1, 0.9, list(rle.bbox(rle.encode(expected))))
        assert not Mask.objects.exclude(frame=4).exists(), "nothing is annotated before it is applied"

    def test_cancelled_it_stops_at_the_next_frame_and_what_came_stays(
        self, bobs: APIClient, task: Task, track: Track, bob: User, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(propagating, "GATHER", 0.0)
        draw(task, track, bob, 4)
        made = ask(bobs, task, track, frame=4, to=20, engine="scripted").json()

        def stop(frame: int) -> None:
            if frame == 7:
                answer = bobs.post(f"/api/propagations/{made['id']}/cancel/")
                assert answer.json()["state"] == "cancelled"

        scripted.between = staticmethod(stop)
        jobs.propagate(made["id"])
        far = bobs.get(f"/api/propagations/{made['id']}/").json()
        assert (far["state"], [mask["frame"] for mask in far["masks"]]) == ("cancelled", [5, 6, 7])
        jobs.propagate(made["id"])
        assert bobs.get(f"/api/propagations/{made['id']}/").json() == far
        assert len(apply(bobs, made["id"]).json()["work"]["masks"]) == 3

    def test_a_killed_workers_successor_goes_on_behind_the_last_frame_that_came(
        self, bobs: APIClient, task: Task, track: Track, bob: User, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(propagating, "GATHER", 0.0)
        draw(task, track, bob, 4)
        made = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()

        class Killed(BaseException):
            pass

        def die(frame: int) -> None:
            if frame == 6:
                raise Killed

        scripted.between = staticmethod(die)
        with pytest.raises(Killed):
            jobs.propagate(made["id"])
        scripted.between = staticmethod(lambda frame: None)
        jobs.propagate(made["id"])
        assert Propagation.objects.get().state == "running", "the dead worker's lease still holds"
        Propagation.objects.update(leased_until=from_now(-1))
        jobs.reconcile()
        jobs.propagate(made["id"])
        assert sorted(scripted.stretches[-1].came) == [5, 6]
        assert list(PropagatedMask.objects.values_list("seq", "frame")) == [(1, 5), (2, 6), (3, 7), (4, 8), (5, 9)]
        assert Propagation.objects.get().state == "done"

    def test_after_three_silent_workers_it_has_failed(self, task: Task, track: Track, bob: User) -> None:
        draw(task, track, bob, 4)
        row = propagations.ask(task=task, by=bob, track_id=track.pk, frame=4, to=9)
        for _ in range(3):
            assert propagating.claim(row.pk) is not None
            Propagation.objects.update(leased_until=from_now(-1))
            propagating.expire()
        row.refresh_from_db()
        assert (row.outcome, "3 workers" in row.error) == ("failed", True)
        assert propagating.claim(row.pk) is None

    def test_an_engine_that_breaks_is_tried_again_and_then_says_why(
        self, bobs: APIClient, task: Task, track: Track, bob: User, scripted: Any
    ) -> None:
        draw(task, track, bob, 4)
        made = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()

        def fail(frame: int) -> None:
            raise RuntimeError("the lens is dirty")

        scripted.between = staticmethod(fail)
        for _ in range(3):
            jobs.propagate(made["id"])
        far = bobs.get(f"/api/propagations/{made['id']}/").json()
        assert (far["state"], far["reason"]) == ("failed", "RuntimeError: the lens is dirty.")

    def test_an_object_that_goes_is_said_and_not_drawn(
        self, bobs: APIClient, task: Task, track: Track, bob: User, scripted: Any
    ) -> None:
        draw(task, track, bob, 4)
        made = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()
        scripted.gone_from = 7
        jobs.propagate(made["id"])
        far = bobs.get(f"/api/propagations/{made['id']}/").json()
        assert [mask["counts"] is None for mask in far["masks"]] == [False, False, True, True, True]
        assert "not seen from frame 7 on" in far["reason"]
        taken = apply(bobs, made["id"]).json()
        assert [mask["frame"] for mask in taken["work"]["masks"]] == [5, 6]

    def test_pages_are_told_at_most_a_few_times_a_second(
        self,
        task: Task,
        track: Track,
        bob: User,
        scripted: Any,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        monkeypatch.setattr(propagating, "GATHER", 0.0)
        heard: list[str] = []

        def listen(kind: str, **_: Any) -> None:
            heard.append(kind)

        events.changed.connect(listen)
        draw(task, track, bob, 0)
        row = propagations.ask(task=task, by=bob, track_id=track.pk, frame=0, to=23, engine="scripted")
        with django_capture_on_commit_callbacks(execute=True):
            propagating.run(row.pk)
        events.changed.disconnect(listen)
        # One for the start, one for the end, and a few for the 23 frames, which take a fraction of a second.
        assert 2 < heard.count("propagation") < 10

    def test_a_reload_finds_what_is_open_and_a_new_request_puts_the_old_one_aside(
        self, bobs: APIClient, task: Task, track: Track, bob: User, scripted: Any
    ) -> None:
        draw(task, track, bob, 4)
        path = f"/api/tasks/{task.pk}/propagations/"
        first = ask(bobs, task, track, frame=4, to=9, engine="scripted").json()
        jobs.propagate(first["id"])
        back = ask(bobs, task, track, frame=4, to=0, engine="scripted").json()
        assert [row["id"] for row in bobs.get(path).json()] == [first["id"], back["id"]]
        again = ask(bobs, task, track, frame=4, to=12, engine="scripted").json()
        assert [row["id"] for row in bobs.get(f"{path}?track={track.pk}").json()] == [back["id"], again["id"]]
        assert bobs.get(f"{path}?track={uuid.uuid4()}").json() == []
        assert bobs.delete(f"/api/propagations/{back['id']}/").status_code == 204
        assert [row["id"] for row in bobs.get(path).json()] == [again["id"]]
        assert not PropagatedMask.objects.exists()

    def test_a_retry_asks_once(self, bobs: APIClient, task: Task, track: Track, bob: User) -> None:
        draw(task, track, bob, 4)
        key = uuid.uuid4()
        first = ask(bobs, task, track, frame=4, to=9, key=key)
        again = ask(bobs, task, track, frame=4, to=9, key=key)
        assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
        assert ask(bobs, task, track, frame=4, to=10, key=key).status_code == 422


class TestWeights:
    @pytest.fixture
    def weighted(self, scripted: type[Carrier], settings: Any, tmp_path: Path) -> type[Carrier]:
        """The engine of these tests as one with weights, of which "small" are here."""

        class Weighted(scripted):  # type: ignore[misc, valid-type]
            checkpoints = staticmethod(lambda folder: ["small"])

            def __init__(self, folder: Path | None = None) -> None:
                super().__init__(folder)
                self.version = f"of {folder.name if folder else None}"

        settings.WEIGHTS_DIR = tmp_path
        registry._known["scripted"] = Weighted
        return Weighted

    def test_the_weights_are_named_on_every_mask(
        self, bobs: APIClient, task: Task, track: Track, bob: User, weighted: type[Carrier]
    ) -> None:
        Project.objects.update(propagation_engine="scripted:small")
        draw(task, track, bob, 4)
        made = ask(bobs, task, track, frame=4, to=6).json()
        assert made["engine"] == "scripted:small"
        jobs.propagate(made["id"])
        taken = apply(bobs, made["id"]).json()
        assert [mask["engine"] for mask in taken["work"]["masks"]] == ["scripted small of small"] * 2

    def test_weights_that_are_not_here_are_refused_at_once_and_later(
        self, bobs: APIClient, task: Task, track: Track, bob: User, weighted: type[Carrier]
    ) -> None:
        draw(task, track, bob, 4)
        refused = ask(bobs, task, track, frame=4, to=9, engine="scripted:large")
        assert refused.status_code == 422
        assert "no weights 'large'" in refused.json()["error"]["message"]
        made = ask(bobs, task, track, frame=4, to=9, engine="scripted:small").json()
        weighted.checkpoints = staticmethod(lambda folder: [])
        jobs.propagate(made["id"])
        far = bobs.get(f"/api/propagations/{made['id']}/").json()
        assert (far["state"], "no weights 'small'" in far["reason"]) == ("failed", True)
