"""Boxes as examples for SAM 3, from a tiny checkpoint with random weights: the way and the arithmetic, not quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation.models import Clip  # noqa: E402
from enrichment import prompts  # noqa: E402
from enrichment.engines.instances import Instance  # noqa: E402
from enrichment.engines.roi_align import roi_align  # noqa: E402
from enrichment.engines.sam3 import Sam3  # noqa: E402
from enrichment.engines.sam3_prompts import Sam3Prompter, Seen  # noqa: E402
from enrichment.errors import EngineInputError, RunRefused  # noqa: E402
from enrichment.prompting import registry  # noqa: E402
from enrichment.prompting.prompter import Prompt  # noqa: E402
from tests.enrichment.engines import vision_checkpoints  # noqa: E402

BOX = (20.0, 30.0, 40.0, 50.0)
# torchvision 0.28's roi_align on these features and boxes, three bins a side: the diagonal of the second channel.
TORCHVISIONS = [
    [0.0043888, 0.0644280, -0.5905933],
    [0.2762003, 0.2318583, -0.1720601],
    [-0.7161823, -0.1883177, 0.4634908],
    [0.0895850, -0.0560395, -0.3633079],
    [0.0747342, 0.0473376, -1.7159460],
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    vision_checkpoints.save_concepts(root / "tiny")
    return root


@pytest.fixture(scope="module")
def prompter(weights: Path) -> Sam3Prompter:
    return Sam3Prompter(weights / "tiny")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (112, 112, 3), dtype=np.uint8)


def test_features_of_boxes_are_those_of_torchvision() -> None:
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 9, 12)).astype(np.float32))
    boxes = [
        torch.tensor([[1.2, 0.5, 10.7, 8.1], [0.0, 0.0, 4.0, 3.5], [3.3, 3.3, 3.6, 3.5]]),
        torch.tensor([[0.0, 0.0, 12.0, 9.0], [8.5, 6.0, 12.0, 9.0]]),
    ]
    found = roi_align(features, boxes, 3)
    assert found.shape == (5, 3, 3, 3)
    assert np.allclose(found[:, 1, [0, 1, 2], [0, 1, 2]].numpy(), TORCHVISIONS, atol=1e-5)
    assert float(found.mean()) == pytest.approx(-0.155396, abs=1e-5)
    assert roi_align(features[:1], [torch.zeros((0, 4))], 3).shape == (0, 3, 3, 3)


def test_examples_go_in_as_the_library_wants_them(weights: Path, picture: np.ndarray) -> None:
    from transformers import AutoTokenizer, Sam3Model

    examples = [(BOX, True), ((70.0, 60.0, 20.0, 30.0), False)]
    engine = Sam3(weights / "tiny")
    ours = engine.like(engine.see(picture), examples, (112, 112))
    words = AutoTokenizer.from_pretrained(weights / "tiny")(
        "visual", return_tensors="pt", padding="max_length", max_length=32
    )
    pixels = (torch.from_numpy(picture.transpose(2, 0, 1))[None].float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        out = Sam3Model.from_pretrained(weights / "tiny").eval()(
            pixel_values=pixels, input_ids=words["input_ids"], attention_mask=words["attention_mask"],
            input_boxes=torch.tensor([[[40.0, 55.0, 40.0, 50.0], [80.0, 75.0, 20.0, 30.0]]]) / 112,
            input_boxes_labels=torch.tensor([[1, 0]]),
        )  # fmt: skip
    scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid())[0]
    expected = sorted((round(float(score), 4) for score in scores if score > 0.3), reverse=True)
    assert ours
    assert {round(each.confidence, 4) for each in ours} <= set(expected)
    assert round(ours[0].confidence, 4) == expected[0]
    alone = engine.like(engine.see(picture), examples[:1], (112, 112))
    assert [each.confidence for each in alone] != [each.confidence for each in ours], "what is unlike counts, too"


def test_it_is_offered_with_its_weights_and_takes_examples(weights: Path) -> None:
    assert ("sam3:tiny", "SAM 3, a box as an example, tiny") in registry.choices(weights)
    assert registry.takes_examples("sam3:tiny")
    assert not any(registry.takes_examples(name) for name in ("", "sam2:tiny", "gone"))


def test_a_box_is_answered_with_masks_of_the_pictures_size(prompter: Sam3Prompter) -> None:
    shown = np.random.default_rng(2).integers(0, 255, (90, 160, 3), dtype=np.uint8)
    seen = prompter.embed(shown)
    assert seen.nbytes == 4 * 32 * (32**2 + 16**2 + 8**2 + 4**2)
    assert seen.features.last_hidden_state is None
    assert prompter.embed(shown[::-1].copy()).features.fpn_position_encoding is seen.features.fpn_position_encoding
    found = prompter.answer(seen, Prompt(box=BOX, examples=[((100.0, 10.0, 30.0, 30.0), False)]))
    assert found
    assert all(each.mask.shape == (90, 160) and each.mask.any() and 0 < each.confidence <= 1 for each in found)


def test_what_fills_the_box_comes_first_and_clicks_choose(prompter: Sam3Prompter) -> None:
    filling, other = np.zeros((2, 60, 60), bool)
    filling[10:20, 10:20], other[40:50, 40:50] = True, True
    found = [Instance("", 0.9, other), Instance("", 0.6, filling)]
    box = (9.0, 9.0, 12.0, 12.0)
    assert sorted(found, key=lambda each: prompter._rank(each, box, []))[0].mask is filling
    assert sorted(found, key=lambda each: prompter._rank(each, box, [(45.0, 45.0, True)]))[0].mask is other
    assert sorted(found, key=lambda each: prompter._rank(each, box, [(45.0, 45.0, False)]))[0].mask is filling


def test_clicks_alone_and_boxes_beside_the_picture_are_refused(prompter: Sam3Prompter, picture: np.ndarray) -> None:
    seen: Seen = prompter.embed(picture)
    with pytest.raises(EngineInputError, match="takes a box round one example"):
        prompter.answer(seen, Prompt(points=[(5.0, 5.0, True)]))
    with pytest.raises(EngineInputError, match="no part of the picture"):
        prompter.answer(seen, Prompt(box=BOX, examples=[((200.0, 5.0, 9.0, 9.0), True)]))
    for x, y in ((5000.0, 5.0), (-1.0, 5.0), (5.0, float("nan"))):
        with pytest.raises(EngineInputError, match="outside the picture"):
            prompter.answer(seen, Prompt(box=BOX, points=[(x, y, True)]))


@pytest.mark.django_db
def test_a_prompt_in_the_workbench_takes_examples_and_other_engines_refuse_them(
    weights: Path, settings: Any, clip: Clip
) -> None:
    settings.WEIGHTS_DIR = weights
    examples = [((30.0, 5.0, 20.0, 20.0), False)]
    clip.project.prompt_engine = "sam3:tiny"
    found = prompts.answer(clip, 3, box=(5.0, 5.0, 30.0, 40.0), examples=examples)
    assert found.engine.startswith("sam3 tiny ")
    assert found.candidates
    clip.project.prompt_engine = ""
    with pytest.raises(RunRefused, match=r"grabcut takes no examples; .* choose SAM 3, a box as an example"):
        prompts.answer(clip, 3, box=(5.0, 5.0, 30.0, 40.0), examples=examples)
