"""CLIP and DINOv2 from tiny checkpoints with random weights: the way and the arithmetic, not the quality."""

from __future__ import annotations

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
from enrichment.engines.clip import ClipPictures  # noqa: E402
from enrichment.engines.dinov2 import Dinov2Pictures  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.layers.embeddings import EmbeddingEngine, VectorReader  # noqa: E402
from enrichment.models import LayerRun  # noqa: E402
from tests.enrichment.engines import vector_checkpoints  # noqa: E402


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    vector_checkpoints.save_clip(root / "tiny-clip")
    vector_checkpoints.save_clip(root / "today" / "clip", bare=False)
    vector_checkpoints.save_dinov2(root / "tiny-dino")
    return root


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    drawn = np.random.default_rng(0).integers(0, 255, (3, 9, 16, 3), dtype=np.uint8)
    return [cv2.resize(each, (160, 90), interpolation=cv2.INTER_CUBIC) for each in drawn]


def theirs_of_clip(folder: Path, pictures: list[np.ndarray]) -> Any:
    from transformers import CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    inputs = CLIPImageProcessorPil.from_pretrained(folder)(images=pictures, return_tensors="pt")
    return CLIPModel.from_pretrained(folder).eval().get_image_features(**inputs).pooler_output


def theirs_of_dinov2(folder: Path, pictures: list[np.ndarray]) -> Any:
    from transformers import AutoModel
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    inputs = BitImageProcessorPil.from_pretrained(folder)(images=pictures, return_tensors="pt")
    return AutoModel.from_pretrained(folder).eval()(**inputs).pooler_output


@pytest.mark.parametrize(
    ("make", "name", "theirs", "dimensions"),
    [
        (ClipPictures, "tiny-clip", theirs_of_clip, 12),
        (ClipPictures, "today/clip", theirs_of_clip, 12),
        (Dinov2Pictures, "tiny-dino", theirs_of_dinov2, 18),
    ],
)
@pytest.mark.parametrize("upright", [False, True])
def test_vectors_are_the_librarys_at_length_one(
    make: Any, name: str, theirs: Any, dimensions: int, upright: bool, folders: Path, pictures: list[np.ndarray]
) -> None:
    shown = [np.ascontiguousarray(each.transpose(1, 0, 2)) for each in pictures] if upright else pictures
    engine = make(folders / name)
    assert isinstance(engine, EmbeddingEngine)
    assert engine.dimensions == dimensions
    found = np.stack(engine.embed(shown, None))
    assert found.shape == (3, dimensions)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(theirs(folders / name, shown), dim=-1).numpy()
    # Resizing is within one grey level of Pillow's.
    assert ((found * expected).sum(axis=1) > 0.9995).all()
    assert found[0] @ found[1] < 0.9995, "or the comparison would say nothing"


def test_what_is_no_picture_is_refused(folders: Path) -> None:
    with pytest.raises(EngineInputError, match="uint8 RGB"):
        ClipPictures(folders / "tiny-clip").embed([np.zeros((20, 20), np.uint8)], None)


@pytest.mark.django_db
def test_several_engines_lay_their_vectors_side_by_side(folders: Path, settings: Any, clip: Clip) -> None:
    settings.WEIGHTS_DIR = folders
    loading.forget()
    runs.configure(project=clip.project, layer="embeddings", engine="clip,dinov2,hsv-hog-lbp", by=None)
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=["embeddings"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    row = LayerRun.objects.get(runs=run, layer="embeddings")
    assert (row.state, row.error) == ("done", "")
    assert row.engine == "clip:tiny-clip,dinov2:tiny-dino,hsv-hog-lbp"
    assert row.engine_version.count("sha256:") == 2
    assert row.files == [
        "embeddings/frames.json",
        "embeddings/vectors.npy",
        "embeddings/vectors_dinov2.npy",
        "embeddings/vectors_hsv-hog-lbp.npy",
    ]
    reader = VectorReader(clips.folder(clip))
    sizes = {engine: reader.read(engine).shape for engine in reader.engines}
    count = len(reader.frames)
    assert sizes == {"clip:tiny-clip": (count, 12), "dinov2:tiny-dino": (count, 18), "hsv-hog-lbp": (count, 682)}
    assert np.array_equal(reader.read(), reader.read("clip:tiny-clip"))
    with clips.reader(clip) as frames:
        expected = Dinov2Pictures(folders / "tiny-dino").embed([frames.read(reader.frames[1])], None)[0]
    assert np.allclose(reader.read("dinov2:tiny-dino")[1], expected, atol=1e-4)
    with pytest.raises(ValueError, match="no vectors of clip:other"):
        reader.read("clip:other")
