"""SAM 2 on pictures, from a tiny checkpoint with random weights: the way, not the quality."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from enrichment.errors import EngineInputError, UnknownPrompter
from enrichment.prompting import registry
from enrichment.prompting.prompter import Previous, Prompt, Prompter

pytest.importorskip("torch", reason="the packages of engines with weights are optional: make models")
pytest.importorskip("transformers", reason="the packages of engines with weights are optional: make models")

import torch
from PIL import Image

from enrichment.engines import sam2
from enrichment.engines.sam2_prompts import Sam2Prompter
from tests.enrichment.engines import sam2_checkpoints

HEIGHT, WIDTH = 90, 160


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    sam2_checkpoints.save_picture_model(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def engine(weights: Path) -> Prompter:
    return registry.prompter("sam2:tiny", weights)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def test_it_is_offered_where_its_weights_are_and_names_exactly_these(weights: Path, engine: Prompter) -> None:
    assert ("sam2:tiny", "SAM 2, tiny") in registry.choices(weights)
    name, sha256 = engine.version.split(",")[0].split()
    assert (name, len(sha256)) == ("tiny", 12)


def test_other_weights_have_another_name(engine: Prompter, tmp_path: Path) -> None:
    sam2_checkpoints.save_picture_model(tmp_path / "tiny", seed=1)
    assert registry.prompter("sam2:tiny", tmp_path).version != engine.version


def test_a_click_a_box_and_both_give_candidates_of_the_pictures_size(engine: Prompter, picture: np.ndarray) -> None:
    seen = engine.embed(picture)
    assert seen.nbytes == 4 * (16 * 32**2 + 32 * 16**2 + 128 * 8**2)
    click, box = [(20.0, 30.0, True)], (10.0, 10.0, 50.0, 40.0)
    for prompt in (Prompt(points=click), Prompt(box=box), Prompt(box=box, points=[*click, (50.0, 60.0, False)])):
        found = engine.answer(seen, prompt)
        assert 1 <= len(found) <= 3
        assert all(each.mask.shape == (HEIGHT, WIDTH) and each.mask.dtype == bool for each in found)
        assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
        assert len({each.mask.tobytes() for each in found}) == len(found)


@pytest.mark.parametrize("size", [(720, 1280), (60, 100)], ids=["reduced", "enlarged"])
def test_pictures_go_in_stretched_smoothly_and_normalised(size: tuple[int, int]) -> None:
    shown = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    side = 128
    given = sam2.pixels(shown, side)
    assert (given.shape, given.dtype) == ((1, 3, side, side), torch.float32)
    grey = (given[0].numpy() * [[[0.229]], [[0.224]], [[0.225]]] + [[[0.485]], [[0.456]], [[0.406]]]) * 255
    # Pillow's is the same filter in another hand.
    expected = np.asarray(Image.fromarray(shown).resize((side, side), Image.Resampling.BILINEAR), np.float64)
    assert np.abs(grey - expected.transpose(2, 0, 1)).max() < 1.01


def test_the_mask_that_is_corrected_goes_back_in(engine: Prompter, picture: np.ndarray) -> None:
    seen = engine.embed(picture)
    click = [(20.0, 30.0, True)]
    first = engine.answer(seen, Prompt(points=click))[0]
    plain = first.state
    own = engine.answer(seen, Prompt(points=click, previous=Previous(first.mask, plain)))[0].state
    drawn = engine.answer(seen, Prompt(points=click, previous=Previous(first.mask)))[0].state
    assert not np.array_equal(own, plain)
    assert not np.array_equal(own, drawn)


def test_what_lies_outside_is_refused(engine: Prompter, picture: np.ndarray) -> None:
    seen = engine.embed(picture)
    with pytest.raises(EngineInputError, match="outside the picture"):
        engine.answer(seen, Prompt(points=[(WIDTH + 1.0, 5.0, True)]))
    with pytest.raises(EngineInputError, match="no part of the picture"):
        engine.answer(seen, Prompt(box=(WIDTH + 1.0, 5.0, 9.0, 9.0)))


def test_pickled_weights_are_not_loaded(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "sam2"}))
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(UnknownPrompter, match="no weights 'tiny'"):
        registry.prompter("sam2:tiny", tmp_path)


def test_torch_is_not_imported_until_the_engine_is_chosen(tmp_path: Path) -> None:
    said = (
        "import sys; from pathlib import Path; from enrichment.prompting import registry; "
        f"registry.choices(Path({str(tmp_path)!r})); registry.prompter('grabcut', Path('.')); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_weights_that_lack_a_tensor_are_refused_instead_of_filled_with_random_numbers(tmp_path: Path) -> None:
    sam2_checkpoints.take_one_out(sam2_checkpoints.save_picture_model(tmp_path), "mask_decoder.iou_token.weight")
    with pytest.raises(EngineInputError, match=r"lack 1 tensors as Sam2Model .* mask_decoder\.iou_token\.weight"):
        Sam2Prompter(tmp_path)
