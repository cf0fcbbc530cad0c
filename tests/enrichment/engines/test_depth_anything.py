"""Depth Anything V2 from tiny checkpoints with random weights: the way and the arithmetic, not the quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation import clips  # noqa: E402
from annotation.models import Clip  # noqa: E402
from enrichment import compute, loading, runs  # noqa: E402
from enrichment.engines.depth_anything import DepthAnything  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.layers.depth import DepthReader, relative_scale, stored  # noqa: E402
from enrichment.models import LayerRun  # noqa: E402
from tests.enrichment.engines import depth_checkpoints  # noqa: E402


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    depth_checkpoints.save(root / "relative")
    depth_checkpoints.save(root / "metric", metric=True)
    return root


@pytest.fixture
def weights(folders: Path, settings: Any) -> Path:
    settings.WEIGHTS_DIR = folders
    loading.forget()
    return folders


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    drawn = np.random.default_rng(0).integers(0, 255, (2, 12, 16, 3), dtype=np.uint8)
    return [cv2.resize(each, (128, 96), interpolation=cv2.INTER_CUBIC) for each in drawn]


@pytest.mark.parametrize("kind", ["relative", "metric"])
def test_it_gives_what_the_library_gives_on_the_same_weights(
    kind: str, folders: Path, pictures: list[np.ndarray]
) -> None:
    from transformers import AutoModelForDepthEstimation
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    engine = DepthAnything(folders / kind)
    found = engine.estimate(pictures, None)
    processor = DPTImageProcessorPil.from_pretrained(folders / kind)
    model = AutoModelForDepthEstimation.from_pretrained(folders / kind).eval()
    inputs = processor(images=pictures, return_tensors="pt")
    assert tuple(inputs["pixel_values"].shape[-2:]) == engine.working_size(96, 128)
    with torch.inference_mode():
        predicted = model(**inputs).predicted_depth
        theirs = torch.nn.functional.interpolate(predicted[:, None], size=(96, 128), mode="bicubic")[:, 0].numpy()
    assert engine.metric is (kind == "metric")
    for ours, other in zip(found, theirs, strict=True):
        assert ours.shape == (96, 128)
        assert ours.dtype == np.float32
        spread = other.max() - other.min()
        assert spread > 0
        # Resizing is within one grey level of Pillow's, and a level is a four-hundredth of the range.
        assert np.abs(ours - other).mean() < 0.01 * spread


@pytest.mark.parametrize(
    ("size", "working"), [((720, 1280), (70, 126)), ((96, 96), (70, 70)), ((1280, 720), (126, 70))]
)
def test_a_picture_is_looked_at_in_whole_patches(
    size: tuple[int, int], working: tuple[int, int], folders: Path
) -> None:
    assert DepthAnything(folders / "relative").working_size(*size) == working


def test_pictures_of_two_sizes_are_refused(folders: Path, pictures: list[np.ndarray]) -> None:
    with pytest.raises(EngineInputError, match="of one size"):
        DepthAnything(folders / "relative").estimate([pictures[0], pictures[1][:50]], None)


@pytest.mark.parametrize("how", ["gone", "of another shape"])
def test_weights_that_do_not_fit_are_refused_instead_of_filled_with_random_numbers(
    how: str, folders: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    there = load_file(folders / "relative" / "model.safetensors")
    if "gone" in how:
        del there["head.conv1.weight"]
    else:
        there["head.conv1.weight"] = there["head.conv1.weight"][:1].clone()
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folders / "relative" / name).read_bytes())
    save_file(there, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EngineInputError, match=r"lack 1 tensors as .* head\.conv1\.weight"):
        DepthAnything(tmp_path)


def test_metres_become_millimetres_and_what_is_no_number_is_unknown() -> None:
    depths = np.array([[0.0, 0.0014, 1.5, 65.534, 80.0, np.nan, np.inf, -1.0]], np.float32)
    assert stored(depths, 0.001).tolist() == [[0, 1, 1500, 65534, 65535, 0, 65535, 0]]


def test_relative_depth_keeps_its_proportions() -> None:
    depths = np.array([[0.0, 3.0, 12.0]], np.float32)
    scale = relative_scale(depths)
    assert stored(depths, scale)[0, 2] == 65535
    assert np.allclose(stored(depths, scale) * scale, depths, atol=scale)
    assert relative_scale(np.zeros((2, 2), np.float32)) == 1.0


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["relative", "metric"])
def test_the_layer_says_whether_its_numbers_are_lengths(kind: str, weights: Path, clip: Clip) -> None:
    runs.configure(project=clip.project, layer="depth", engine=f"depth_anything:{kind}", by=None)
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=["depth"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    row = LayerRun.objects.get(runs=run)
    assert (row.state, row.error) == ("done", "")
    folder = clips.folder(clip)
    reader = DepthReader(folder)
    assert reader.meta["kind"] == kind
    assert reader.meta["count"] == len(reader.meta["scale"]) == clip.frame_count
    assert ("metres" in reader.meta["scale_to"]) is (kind == "metric")
    with clips.reader(clip) as frames:
        expected = DepthAnything(weights / kind).estimate([frames.read(5)], None)[0]
    step = reader.meta["scale"][5]
    assert np.abs(reader.read(5) - expected).max() <= max(step, 1e-4 * expected.max())
    entry = folder.manifest()["layers"]["depth"]
    assert entry["engine"] == f"depth_anything:{kind}"
    assert entry["engine_version"].startswith("1 sha256:")
    assert len(entry["engine_version"]) == len("1 sha256:") + 64
    assert folder.verify() == []
    assert json.loads((clip.folder / "depth/meta.json").read_text())["engine"] == entry["engine"]
