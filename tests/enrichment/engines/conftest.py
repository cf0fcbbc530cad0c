from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from annotation.models import Clip, Project
from enrichment import loading
from tests.factories import ClipFactory


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tiny models are quickest on one thread; several wait for each other where other tests run beside."""
    try:
        import torch
    except ModuleNotFoundError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def vision_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a tiny random checkpoint of every family that finds, names or describes things."""
    pytest.importorskip("torch", reason="the packages of engines with weights are optional: make models")
    pytest.importorskip("transformers", reason="the packages of engines with weights are optional: make models")
    from tests.enrichment.engines import depth_checkpoints, sam2_checkpoints, vision_checkpoints

    root = tmp_path_factory.mktemp("vision-weights")
    vision_checkpoints.save_detector(root / "rtdetr-tiny")
    vision_checkpoints.save_detector(root / "dfine-tiny", kind="d_fine")
    vision_checkpoints.save_pose(root / "vitpose-tiny")
    vision_checkpoints.save_pose(root / "vitpose-plus-tiny", experts=6, seed=1)
    vision_checkpoints.save_pose(root / "vitpose-whole-tiny", keypoints=133, experts=6, seed=2)
    vision_checkpoints.save_grounding(root / "grounding-tiny")
    vision_checkpoints.save_florence(root / "florence-tiny")
    vision_checkpoints.save_concepts(root / "sam3-tiny")
    sam2_checkpoints.save_picture_model(root / "sam2-tiny")
    depth_checkpoints.save(root / "depth-metric-tiny", metric=True)
    depth_checkpoints.save(root / "depth-relative-tiny")
    return root


@pytest.fixture
def weights_here(vision_weights: Path, settings: Settings) -> Path:
    """The same, as this machine's folder of weights."""
    settings.WEIGHTS_DIR = vision_weights
    loading.forget()
    return vision_weights


@pytest.fixture
def short_clip(project: Project, alice: User) -> Clip:
    """Four frames: enough to link, few enough for models."""
    return ClipFactory(project=project, by=alice, frames=4)
