"""A layer that is cut into several batches leaves, byte for byte, what it leaves in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation import clips
from annotation.models import Project
from enrichment import compute, engine, loading, registry, runs
from enrichment.engine import LayerEngine
from enrichment.models import LayerRun, Run
from tests.enrichment.engines import every_engine
from tests.factories import ClipFactory

FRAMES = 6
BY_STOPS = ("captions", "descriptions", "detections", "embeddings")
BY_FRAMES = ("end_effector", "pose_3d")


def computed(project: Project, by: User) -> Run:
    run = runs.request(project=project, by=by, layers=[*BY_STOPS, *BY_FRAMES], tell=False)
    runs.plan(run)
    compute.work_here(run)
    states = {row.layer: (row.state, row.error) for row in LayerRun.objects.filter(runs=run)}
    assert set(states.values()) == {("done", "")}, states
    return run


@pytest.mark.parametrize("offer", engine.every.every().values(), ids=lambda offer: offer.key)
def test_a_batch_is_a_whole_number_of_what_a_model_gets_at_once(offer: LayerEngine) -> None:
    # Pictures that go together otherwise give sums that differ in their last bits.
    assert (registry.get(offer.layer).batch_stops or offer.batch) % offer.batch == 0


@pytest.mark.django_db
def test_several_batches_leave_the_same_files_as_one(
    project: Project, alice: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEIGHTS_DIR = every_engine.save(tmp_path / "weights")
    loading.forget()
    monkeypatch.setattr(loading.InHand, "batch", 2)
    clip = ClipFactory(project=project, by=alice, frames=FRAMES, width=160, height=128)
    for layer, chosen in every_engine.CHOICES.items():
        runs.configure(project=project, layer=layer, engine=chosen, by=alice)
    more: dict[str, dict[str, Any]] = {
        "keyframes": {"per_second": 60},
        "end_effector": {"end_effectors": list(project.label_keys)},
    }
    for layer, parameters in (every_engine.SETTINGS | more).items():
        runs.configure(project=project, layer=layer, parameters=parameters, by=alice)
    first = computed(project, alice)
    rows = {row.layer: row for row in first.layer_runs.filter(layer__in=[*BY_STOPS, *BY_FRAMES])}
    assert {row.batches_total for row in rows.values()} == {2}, "a short clip is one batch and the closing one"
    paths = [clip.folder / path for row in rows.values() for path in row.files]
    before = {path: path.read_bytes() for path in paths}

    # As the layers would have it on a clip of some minutes, or hours.
    for name in BY_STOPS:
        monkeypatch.setattr(type(registry.get(name)), "batch_stops", 1 if name == "descriptions" else 2)
    for name in BY_FRAMES:
        monkeypatch.setattr(type(registry.get(name)), "batch_frames", 2)
    for path in paths:
        path.unlink()
    second = computed(project, alice)
    again = {row.layer: row for row in second.layer_runs.filter(layer__in=rows)}
    assert {name: row.fingerprint for name, row in again.items()} == {
        name: row.fingerprint for name, row in rows.items()
    }
    totals = {name: row.batches_total for name, row in again.items() if name != "descriptions"}
    assert totals == dict.fromkeys({*BY_STOPS, *BY_FRAMES} - {"descriptions"}, 3 + 1)
    assert {path: path.read_bytes() for path in paths} == before
    assert clips.folder(clip).verify() == []
