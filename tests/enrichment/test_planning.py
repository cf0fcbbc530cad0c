"""A large request is planned in slices, each handed on through the queue, so that others have their turn between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Project
from enrichment import jobs, queue, reconciler, runs
from enrichment.layer import Layer
from enrichment.models import LayerRun, Run, from_now
from tests.factories import clip_rows

pytestmark = pytest.mark.django_db
PLAN = "enrichment.jobs.plan"


class Told(list[tuple[int, int]]):
    """Hints to plan, as (request, clips planned before), in their order; to be followed as a worker would."""

    def follow(self) -> None:
        jobs.plan(*self.pop(0))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    found = Told()

    def send(job: str, *args: int, **_: Any) -> None:
        if job == PLAN:
            found.append((args[0], args[1]))

    monkeypatch.setattr(queue, "send", send)
    # Every slice is over with its first clip.
    monkeypatch.setattr(runs, "SLICE", 0.0)
    monkeypatch.setattr(runs, "LEAST_SLICE", 0.0)
    return found


@pytest.fixture
def large(project: Project, alice: User, small_layers: dict[str, Layer]) -> Run:
    clip_rows(project, 5)
    return runs.request(project=project, by=alice, tell=False)


def test_it_is_planned_slice_by_slice_with_others_in_between(
    large: Run, project: Project, told: Told, django_capture_on_commit_callbacks: Any
) -> None:
    jobs.plan(large.pk)
    with django_capture_on_commit_callbacks(execute=True):
        small = runs.request(project=project, by=None, clips=project.clips.order_by("-pk")[:1])
    assert told == [(large.pk, 1), (small.pk, 0)]
    told.follow()
    told.follow()
    small.refresh_from_db()
    assert small.planned_at is not None
    assert set(large.layer_runs.values_list("clip", flat=True)) == set(large.clips[:2])
    while told:
        told.follow()
    large.refresh_from_db()
    assert large.planned_at is not None
    assert large.clips_planned == 5
    assert set(large.layer_runs.values_list("clip", flat=True)) == set(large.clips)


def test_a_hint_that_comes_twice_is_followed_once(large: Run, told: Told) -> None:
    jobs.plan(large.pk, 0)
    jobs.plan(large.pk, 0)
    large.refresh_from_db()
    assert large.clips_planned == 1
    assert told == [(large.pk, 1)]


def test_of_two_who_plan_at_once_one_goes_on(large: Run, told: Told) -> None:
    slower, quicker = Run.objects.get(pk=large.pk), Run.objects.get(pk=large.pk)
    assert runs.plan_slice(quicker, seconds=0.0)
    assert not runs.plan_slice(slower, seconds=60.0)
    large.refresh_from_db()
    assert large.clips_planned == 1


def test_who_plans_all_of_it_goes_on_behind_another(large: Run, told: Told) -> None:
    mine = Run.objects.get(pk=large.pk)
    jobs.plan(large.pk)
    runs.plan(mine)
    assert mine.planned_at is not None
    again = Run.objects.get(pk=large.pk)
    again.planned_at = None  # as somebody has it who looked before
    runs.plan(again)
    assert again.planned_at is not None


def test_what_a_killed_planner_had_planned_is_not_begun_again(large: Run, told: Told) -> None:
    jobs.plan(large.pk)
    # Killed after the clip, before the count.
    Run.objects.filter(pk=large.pk).update(clips_planned=0)
    LayerRun.objects.filter(clip=large.clips[0], layer="numbers").update(state=LayerRun.State.FAILED)
    runs.plan(Run.objects.get(pk=large.pk))
    states = large.layer_runs.filter(layer="numbers").order_by("clip_id").values_list("state", flat=True)
    assert list(states) == ["failed", "queued", "queued", "queued", "queued"]


def test_a_request_that_nobody_goes_on_with_is_told_again_from_where_it_is(
    large: Run, told: Told, django_capture_on_commit_callbacks: Any
) -> None:
    jobs.plan(large.pk)
    told.clear()

    def look() -> Told:
        with django_capture_on_commit_callbacks(execute=True):
            reconciler.look_round()
        return told

    assert look() == [], "somebody was at it a moment ago"
    Run.objects.update(told_at=from_now(-queue.NOT_PLANNED_FOR - 1))
    assert look() == [(large.pk, 1)]
    assert look() == [(large.pk, 1)], "once is enough"
    told.follow()
    large.refresh_from_db()
    assert large.clips_planned == 2


def test_pages_and_the_api_say_how_many_clips_are_planned(large: Run, told: Told, alice: User, client: Client) -> None:
    jobs.plan(large.pk)
    jobs.plan(large.pk, 1)
    client.force_login(alice)
    page = client.get(f"/runs/{large.pk}/").content.decode()
    assert "Planned 2 of 5 clips, about " in page
    assert " batches so far" in page
    listed = client.get(f"/projects/{large.project.slug}/runs/").content.decode()
    assert "being planned</span> 2 of 5 clips" in listed
    assert client.get(f"/api/runs/{large.pk}/").json()["clips_planned"] == 2
    runs.plan(Run.objects.get(pk=large.pk))
    page = client.get(f"/runs/{large.pk}/").content.decode()
    assert "Planned" not in page
    assert "so far" not in page
