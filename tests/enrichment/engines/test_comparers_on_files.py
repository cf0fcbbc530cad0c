"""Every comparer on files that its layer really wrote: what is the same has no distance, what is not has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

pytest.importorskip("torch", reason="the packages of engines with weights are optional: make models")
pytest.importorskip("transformers", reason="the packages of engines with weights are optional: make models")

from annotation.models import Clip, Project
from annotation.scene.video import PictureWriter
from enrichment import comparing, comparison, compute, loading, registry, runs
from enrichment.comparison import Side
from enrichment.models import LayerRun
from tests.enrichment.engines import every_engine
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db
FRAMES, HEIGHT, WIDTH = 6, 128, 160


def video(path: Path, shift: int) -> Path:
    """A bright square that goes `shift` pixels a frame over noise."""
    noise = np.random.default_rng(3).integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with PictureWriter(path, codec="libx264", size=(WIDTH, HEIGHT), fps=12.0, b_frames=0, gop=6, options={}) as file:
        for frame in range(FRAMES):
            picture, left = noise.copy(), 20 + shift * frame
            picture[40:80, left : left + 40] = (230, 180 - 10 * shift, 60)
            file.write(picture, frame / 12.0)
    return path


@pytest.fixture
def two(project: Project, alice: User, settings: Settings, tmp_path: Path) -> tuple[Clip, Clip]:
    """Two clips of one size with every layer, as if they were two versions of one."""
    settings.WEIGHTS_DIR = every_engine.save(tmp_path / "weights")
    loading.forget()
    for layer, engine in every_engine.CHOICES.items():
        runs.configure(project=project, layer=layer, engine=engine, by=alice)
    for layer, parameters in every_engine.SETTINGS.items():
        runs.configure(project=project, layer=layer, parameters=parameters, by=alice)
    made = [ClipFactory(project=project, by=alice, path=video(tmp_path / f"{n}.mp4", n)) for n in (2, 9)]
    run = runs.request(project=project, by=alice, tell=False)
    runs.plan(run)
    compute.work_here(run)
    states = {(row.layer, row.state, row.error) for row in LayerRun.objects.filter(runs=run)}
    assert {state for _, state, _ in states} == {"done"}, states
    return made[0], made[1]


def side(clip: Clip, layer: str) -> Side:
    return comparing.side(LayerRun.objects.current().get(clip=clip, layer=layer))


def test_every_layer_is_compared_with_itself_and_with_another(two: tuple[Clip, Clip]) -> None:
    same_though_the_clips_differ = set()
    for layer in registry.every():
        comparer, one, other = comparison.of_layer(layer), side(two[0], layer), side(two[1], layer)
        itself = comparer.compare(one, one)
        assert itself.worst() == [], layer
        assert list(itself.rows) == [], layer
        found = comparer.compare(one, other)
        assert all(0 <= frame < FRAMES for frame in found.values), layer
        assert all(np.isfinite(value) for value in found.values.values()), layer
        # Both ways round they are equally far apart; depths as far as shares of the one and of the other are.
        back = comparer.compare(other, one)
        assert back.values == pytest.approx(dict(found.values), rel=0.05, abs=1e-6), layer
        assert len(back.rows) == len(found.rows), layer
        if not found.worst() and not found.rows:
            same_though_the_clips_differ.add(layer)
        for frame in range(FRAMES):
            assert all(isinstance(line, str) and line for line in comparer.words(one, frame)), layer
            painted = comparer.picture(one, frame)
            assert painted is None or (painted.ndim, painted.shape[2], painted.dtype) == (3, 4, np.uint8), layer
    # Random weights say the same words of both, and checks find nothing in six frames; see TestMeasures for those.
    seen = {"depth", "detections", "embeddings", "flow", "metadata", "people", "pose", "segmentation"}
    assert not seen & same_though_the_clips_differ


def test_a_version_whose_files_are_gone_says_so_and_is_no_error_of_the_worker(two: tuple[Clip, Clip]) -> None:
    before, after = (LayerRun.objects.current().get(clip=clip, layer="flow") for clip in two)
    for path in after.files:
        (two[1].folder / path).unlink()
    told = comparing.compare(before, after)
    assert told.error.startswith("The two versions cannot be compared: ")
    assert told.mean is None
