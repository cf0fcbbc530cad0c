"""A worker opens what a layer reads once, not once for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation.models import Clip, Project
from enrichment import compute, inputs_in_hand, runs
from enrichment.layer import Layer
from enrichment.models import Run
from tests.enrichment.layers import Numbers

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The clips whose numbers were opened, each time that they were."""
    found: list[int] = []

    def opening(_: Layer, folder: Any, clip: Any) -> Any:
        found.append(clip.id)
        return folder

    monkeypatch.setattr(Numbers, "open", opening)
    inputs_in_hand.put_down()
    yield found
    inputs_in_hand.put_down()


def asked(clip: Clip, by: User, *layers: str) -> Run:
    run = runs.request(project=clip.project, by=by, clips=[clip], layers=list(layers), tell=False)
    runs.plan(run)
    return run


def test_the_inputs_of_a_layer_are_opened_once_for_all_of_its_batches_and_put_down_at_the_end(
    clip: Clip, alice: User, small_layers: dict[str, Layer], opened: list[int]
) -> None:
    compute.work_here(asked(clip, alice, "numbers"))
    opened.clear()
    compute.work_here(asked(clip, alice, "sums"))
    assert Numbers.ran["sums 1"] == Numbers.ran["sums closing"] == 1
    assert opened == [clip.pk]
    assert inputs_in_hand._hand.readers is None


def test_a_batch_that_fails_leaves_nothing_open(
    project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer], opened: list[int]
) -> None:
    compute.work_here(asked(clip, alice, "numbers"))
    opened.clear()
    small_layers["sums"].breaks_at = 1  # type: ignore[attr-defined]
    run = asked(clip, alice, "sums")
    batches = [batch.pk for row in run.layer_runs.filter(layer="sums") for batch in row.batches.order_by("index")]
    assert compute.run_batch(batches[0])
    assert inputs_in_hand._hand.readers is not None
    assert compute.run_batch(batches[1])
    assert inputs_in_hand._hand.readers is None
    assert opened == [clip.pk]
