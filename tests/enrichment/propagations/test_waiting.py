"""Where a mask that is to be carried waits: with a worker that can do it and not behind layers, or with a sentence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Task, Track
from enrichment import propagating, queue, workers
from enrichment.models import Propagation, Worker, from_now
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carrier
from tests.enrichment.propagations.carrying import ask, draw

pytestmark = pytest.mark.django_db


def live(**queues: list[str]) -> None:
    """Workers with these names and queues are running."""
    Worker.objects.all().delete()
    for name, served in queues.items():
        Worker.objects.create(name=name, queues=served, seen_at=timezone.now())


@pytest.fixture
def either(scripted: type[Carrier]) -> type[Carrier]:
    """An engine that runs with and without a GPU."""
    scripted.device = "either"
    return scripted


@pytest.fixture
def waiting(bobs: APIClient, task: Task, track: Track, bob: User, either: type[Carrier]) -> Propagation:
    draw(task, track, bob, 4)
    return Propagation.objects.get(pk=ask(bobs, task, track, frame=4, to=9, engine="scripted").json()["id"])


def told(sent: list[Any], run: Any) -> list[str]:
    """The queues that the broker was told to put propagations in at the reconciler's next look."""
    sent.clear()
    with run(execute=True):
        queue.tell_propagations()
    return [each[-1] for each in sent]


def test_sam_2_runs_wherever_there_is_a_worker_for_what_people_wait_for() -> None:
    assert registry.get("sam2:any").device == "either"


@pytest.mark.parametrize(
    ("workers", "where"),
    [
        ({"cpu": ["cpu", "files"], "hands": ["interactive"]}, "interactive"),
        ({"hands": ["interactive"], "card": ["interactive_gpu", "gpu"]}, "interactive_gpu"),
        ({"card": ["interactive_gpu", "gpu"]}, "interactive_gpu"),
        ({"hands": ["interactive"], "layers": ["gpu"]}, "interactive"),
    ],
)
def test_it_goes_where_a_live_worker_takes_it_and_never_behind_layers(
    workers: dict[str, list[str]],
    where: str,
    waiting: Propagation,
    sent: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    live(**workers)
    Propagation.objects.update(sent_at=None)
    assert told(sent, django_capture_on_commit_callbacks)[0] == where


def test_an_annotator_is_told_when_no_running_worker_could_take_it(
    waiting: Propagation, bobs: APIClient, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    path = f"/api/propagations/{waiting.pk}/"
    live(layers=["cpu", "gpu", "files"])
    assert "celery -A config worker -n interactive@%h --queues interactive`" in bobs.get(path).json()["reason"]
    Propagation.objects.update(sent_at=from_now(-3600))
    assert told(sent, django_capture_on_commit_callbacks) == [], "nobody would take it"
    live(hands=["interactive"])
    assert bobs.get(path).json()["reason"] == ""
    assert told(sent, django_capture_on_commit_callbacks) == ["interactive"], "it is told as soon as somebody would"


def test_while_another_mask_is_carried_it_is_not_told_again_at_every_look(
    waiting: Propagation, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    live(hands=["interactive"])
    busy = Propagation.objects.get(pk=waiting.pk)
    busy.pk, busy.state, busy.leased_until = None, Propagation.State.RUNNING, from_now(60)
    busy.save()
    Propagation.objects.filter(pk=waiting.pk).update(sent_at=from_now(-queue.LOST_AFTER - 5))
    assert told(sent, django_capture_on_commit_callbacks) == []
    Propagation.objects.filter(pk=waiting.pk).update(sent_at=from_now(-queue.TELL_AGAIN_AFTER - 5))
    assert told(sent, django_capture_on_commit_callbacks) == ["interactive"]


BOTH = {"hands": ["interactive"], "card": ["interactive_gpu", "gpu"]}


def list_carriers(**of: list[str]) -> None:
    """These workers have listed what carries masks there."""
    for name, carriers in of.items():
        Worker.objects.filter(name=name).update(ready=True, carriers=carriers)


def hints(sent: list[Any], run: Any) -> list[tuple[Any, ...]]:
    told(sent, run)
    return [each[2:] for each in sent]


def test_a_worker_without_a_gpu_is_told_too_and_leaves_it_to_the_card_for_a_moment(
    waiting: Propagation, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    live(**BOTH)
    Propagation.objects.update(sent_at=None)
    assert hints(sent, django_capture_on_commit_callbacks) == [
        ("interactive_gpu",),
        (queue.PATIENCE, "interactive"),
    ]


@pytest.mark.parametrize(
    ("carriers", "where"),
    [
        ({"hands": ["flow"]}, [("interactive_gpu",)]),
        ({"card": ["flow"]}, [("interactive",)]),
        ({"hands": ["scripted"], "card": ["scripted"]}, [("interactive_gpu",), (queue.PATIENCE, "interactive")]),
    ],
)
def test_only_workers_that_have_the_engine_are_told(
    carriers: dict[str, list[str]],
    where: list[tuple[Any, ...]],
    waiting: Propagation,
    sent: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    live(**BOTH)
    list_carriers(**carriers)
    Propagation.objects.update(sent_at=None)
    assert hints(sent, django_capture_on_commit_callbacks) == where


def test_one_worker_that_serves_both_queues_is_told_once(
    waiting: Propagation, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    live(all=["interactive", "interactive_gpu"])
    Propagation.objects.update(sent_at=None)
    assert hints(sent, django_capture_on_commit_callbacks) == [("interactive_gpu",)]


def test_who_is_to_be_patient_takes_what_the_card_has_not_taken(waiting: Propagation) -> None:
    Propagation.objects.update(sent_at=timezone.now())
    began = time.monotonic()
    assert propagating.run(waiting.pk, patience=0.6)
    assert 0.5 < time.monotonic() - began < 10.0
    waiting.refresh_from_db()
    assert waiting.state == Propagation.State.DONE


def test_who_comes_late_needs_no_patience(waiting: Propagation) -> None:
    Propagation.objects.update(sent_at=from_now(-61))
    began = time.monotonic()
    assert propagating.run(waiting.pk, patience=60.0)
    assert time.monotonic() - began < 20.0


def test_what_the_card_takes_meanwhile_is_left_to_it(waiting: Propagation) -> None:
    Propagation.objects.update(sent_at=timezone.now(), state=Propagation.State.RUNNING, leased_until=from_now(60))
    began = time.monotonic()
    assert not propagating.run(waiting.pk, patience=60.0)
    assert time.monotonic() - began < 20.0


def test_a_worker_that_lacks_the_weights_leaves_it_to_one_that_has_them(waiting: Propagation) -> None:
    live(**BOTH)
    list_carriers(hands=["flow"], card=["sam2:any"])
    Propagation.objects.update(engine="sam2:any", sent_at=timezone.now())
    assert not propagating.run(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.sent_at) == (Propagation.State.QUEUED, 0, None)
    live(hands=["interactive"])
    list_carriers(hands=["flow"])
    assert propagating.run(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == Propagation.State.FAILED
    assert "no weights 'any'" in waiting.error


def test_workers_tell_what_carries_masks_there(either: type[Carrier]) -> None:
    workers.be("hands@host")
    try:
        workers.Announcing(["interactive"], watch=list)._list()
    finally:
        workers.be("")
    worker = Worker.objects.get(name="hands@host")
    assert {"flow", "interpolation", "scripted"} <= set(worker.carriers)
    assert worker.carries("scripted")
    assert not worker.carries("sam2:any")
    either.packages = ("no_such_package",)
    assert "scripted" not in dict(registry.choices(Path("/nowhere")))
