"""A worker keeps to the model that it has loaded while there is work for it, and lets nothing wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation.models import Project
from enrichment import affinity, compute, jobs, loading, priorities, queue, runs
from enrichment.layer import Context, Product
from enrichment.models import Batch, LayerRun, Run
from tests.enrichment.layers import Numbers, only
from tests.enrichment.offered import COUNTER, Counter1, Pixels, offering, save
from tests.factories import ClipFactory


class OtherPixels(Pixels):
    name = "others"
    title = "Other pixels"

    def publish(self, context: Context) -> Product:
        return Product([context.folder.write("others/all.json", b"[]")])


@pytest.fixture
def mixed(project: Project, alice: User, settings: Any, tmp_path: Path) -> Iterator[Run]:
    """Two layers by one engine with weights of their own, and one without weights, on three clips."""
    settings.WEIGHTS_DIR = tmp_path / "weights"
    for name in ("a", "b"):
        save(settings.WEIGHTS_DIR / name, content=name.encode())
    loading.forget()
    affinity._Process.in_a_row = 0
    with only(Numbers, Pixels, OtherPixels), offering(COUNTER, replace(COUNTER, layer="others")):
        for layer, folder in (("pixels", "a"), ("others", "b")):
            runs.configure(project=project, layer=layer, engine=f"counter:{folder}", by=alice)
        for _ in range(3):
            ClipFactory(project=project, by=alice)
        Run.objects.all().delete()
        run = runs.request(project=project, by=alice, tell=False)
        runs.plan(run)
        yield run
    loading.forget()


def hints() -> list[int]:
    """As the broker might deliver them: the layers in turn."""
    due = Batch.objects.filter(Batch.is_due()).order_by("index", "layer_run__clip", "layer_run")
    return list(due.values_list("pk", flat=True))


def work_off(run: Run) -> list[str]:
    """Do what the hints say until all is done; returns the layers of the batches with weights, in order."""
    order: list[str] = []
    real = compute.work

    def noted(claim: Any) -> None:
        if not claim.batch.closing and claim.batch.layer_run.engine.startswith("counter:"):
            order.append(claim.batch.layer_run.layer)
        real(claim)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "work", noted)
        patch.setattr(queue, "send", lambda *_, **__: None)
        while run.layer_runs.unsettled().exists():
            for pk in hints():
                jobs.run_batch(pk)
    assert set(LayerRun.objects.values_list("state", flat=True)) == {LayerRun.State.DONE}
    return order


@pytest.mark.django_db
def test_each_model_is_loaded_once_though_the_hints_come_mixed(mixed: Run) -> None:
    order = work_off(mixed)
    assert len(order) == 2 * 3 * 3
    assert (Counter1.made["a"], Counter1.made["b"]) == (1, 1)


@pytest.mark.django_db
def test_without_it_they_would_be_loaded_over_and_over(mixed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "MOST_IN_A_ROW", 0)
    work_off(mixed)
    assert Counter1.made["a"] + Counter1.made["b"] >= 12


@pytest.mark.django_db
def test_what_waits_for_another_model_is_put_off_so_often_and_no_more(
    mixed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affinity, "MOST_IN_A_ROW", 2)
    order = work_off(mixed)
    longest = max(len(list(same)) for _, same in groupby(order))
    assert longest < 9, "nine batches of a model are there; the other one had its turn before their end"
    assert Counter1.made["a"] + Counter1.made["b"] < 12


@pytest.mark.django_db
def test_a_person_does_not_wait_for_bulk_work_of_the_loaded_model(mixed: Run) -> None:
    first = Batch.objects.filter(layer_run__layer="pixels", closing=False).earliest("pk")
    compute.run_batch(first.pk)
    assert loading.held() is not None
    Batch.objects.filter(layer_run__layer="pixels").update(priority=priorities.BULK + 1)
    urgent = Batch.objects.filter(layer_run__layer="others", closing=False).earliest("pk")
    compute.run_batch(urgent.pk)
    urgent.refresh_from_db()
    assert urgent.state == Batch.State.DONE
    assert Counter1.made["b"] == 1
