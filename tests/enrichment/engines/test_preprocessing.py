"""How pictures come in stands in a file beside the weights, in one of several forms that the library has had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from enrichment.engines import torch_models  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402


def said(folder: Path, square: bool = False, **lengths: Any) -> dict[str, Any]:
    (folder / "preprocessor_config.json").write_text(json.dumps(lengths))
    return torch_models.preprocessing(folder, square=square)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"size": 800, "max_size": 1333}, {"shortest_edge": 800, "longest_edge": 1333}),
        ({"size": 224}, {"shortest_edge": 224}),
        ({"size": {"shortest_edge": 224}}, {"shortest_edge": 224}),
        ({"size": [256, 192]}, {"height": 256, "width": 192}),
    ],
)
def test_sizes_of_every_age_are_read_alike(written: dict[str, Any], read: dict[str, int], tmp_path: Path) -> None:
    assert said(tmp_path, **written)["size"] == read


def test_a_bare_number_is_a_square_for_models_that_stretch(tmp_path: Path) -> None:
    assert torch_models.height_and_width(said(tmp_path, square=True, size=518), 640) == (518, 518)


def test_a_length_that_is_said_to_be_null_is_as_if_nothing_was_said(tmp_path: Path) -> None:
    assert torch_models.height_and_width(said(tmp_path, size=None), 640) == (640, 640)


def test_a_shorter_side_alone_is_refused_where_a_model_stretches(tmp_path: Path) -> None:
    with pytest.raises(EngineInputError, match="needs a height and a width"):
        torch_models.height_and_width(said(tmp_path, size=800), 640)


def test_pictures_that_are_stretched_before_their_middle_is_cut_out(tmp_path: Path) -> None:
    pixels = torch.zeros((1, 3, 50, 90))
    how = said(tmp_path, size=[40, 48], crop_size=32)
    assert torch_models.squared(pixels, how, "bicubic").shape == (1, 3, 32, 32)
    with pytest.raises(EngineInputError, match="cannot be cut out of a picture of 40 x 48"):
        torch_models.squared(pixels, how | {"crop_size": {"height": 44, "width": 44}}, "bicubic")
