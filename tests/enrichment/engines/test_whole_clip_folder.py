"""With an engine for every layer, the clip folder and its delivery hold every file that a pipeline is promised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation import clips
from annotation.models import Project
from delivery import deliveries
from delivery.models import Delivery
from delivery.verify import verify
from enrichment import compute, loading, registry, runs
from enrichment.models import LayerRun
from tests.enrichment.engines import every_engine
from tests.factories import ClipFactory

FRAMES = 6
PROMISED = (
    "pose/keypoints.json",
    "pose/pose_3d.npy",
    "segmentation/masks.json",
    "segmentation/tracking.json",
    "actions/segments.json",
    "metadata.json",
    "manifest.json",
    *(f"depth/frame_{frame:03d}.png" for frame in range(FRAMES)),
    *(f"flow/flow_{frame:03d}.npy" for frame in range(FRAMES - 1)),
    # Beyond those that the folder's picture in the specification shows.
    "actions/descriptions.json",
    "captions/captions.json",
    "captions/tags.json",
    "detections/detections.json",
    "embeddings/vectors.npy",
    "embeddings/vectors_dinov2.npy",
    "metadata.parquet",
)


@pytest.mark.django_db
def test_every_promised_file_is_there_when_every_layer_has_its_engine(
    project: Project, alice: User, settings: Settings, tmp_path: Path
) -> None:
    settings.WEIGHTS_DIR = every_engine.save(tmp_path / "weights")
    loading.forget()
    clip = ClipFactory(project=project, by=alice, frames=FRAMES, width=160, height=128)
    for layer, engine in every_engine.CHOICES.items():
        runs.configure(project=project, layer=layer, engine=engine, by=alice)
    for layer, parameters in every_engine.SETTINGS.items():
        runs.configure(project=project, layer=layer, parameters=parameters, by=alice)
    run = runs.request(project=project, by=alice, tell=False)
    runs.plan(run)
    compute.work_here(run)
    states = {row.layer: (row.state, row.error) for row in LayerRun.objects.filter(runs=run)}
    assert states == dict.fromkeys(registry.every(), ("done", ""))
    folder = clips.folder(clip)
    assert folder.verify() == []
    manifest = folder.manifest()
    assert {name: manifest["layers"][name]["engine"] for name in every_engine.CHOICES} == every_engine.CHOICES
    missing = [path for path in PROMISED if not (clip.folder / path).is_file()]
    assert missing == []
    placed = np.load(clip.folder / "pose/pose_3d.npy")
    assert np.isfinite(placed).any()
    assert placed.shape[1:] == (133, 3)
    asked = deliveries.request(project=project, format="clip_folder", filters={"review_status": "any"}, by=alice)
    made = deliveries.run(delivery_id=asked.pk)
    assert made.state == Delivery.State.DONE, made.reason
    delivered = made.folder / clip.folder_name
    assert [path for path in ("video.mp4", *PROMISED) if not (delivered / path).is_file()] == []
    assert list(verify(made.folder)) == []
    # Each layer's engine and version go with the files, as the manifest's reader expects.
    named = json.loads((delivered / "manifest.json").read_text())["layers"]
    assert named["pose"]["engine"] == every_engine.CHOICES["pose"]
