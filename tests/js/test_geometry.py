"""geometry.json, which the browser's masks are held to, is what the server's geometry makes of the same input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from annotation.geometry import polygon, rle

GOLDEN = json.loads((Path(__file__).parent / "geometry.json").read_text())


def _mask(pixels: list[str]) -> np.ndarray:
    return np.array([[int(pixel) for pixel in row] for row in pixels], np.uint8)


def test_the_golden_counts_are_the_servers() -> None:
    for case in GOLDEN["masks"]:
        assert rle.encode(_mask(case["pixels"])) == {"size": case["size"], "counts": case["counts"]}, case["name"]


def test_the_golden_discs_are_the_servers() -> None:
    for case in GOLDEN["discs"]:
        rows, columns = np.mgrid[: case["size"][0], : case["size"][1]]
        x, y = case["centre"]
        disc = (columns - x) ** 2 + (rows - y) ** 2 < case["radius"] ** 2
        assert rle.encode(disc)["counts"] == case["counts"]


def test_the_golden_polygons_are_the_servers() -> None:
    for case in GOLDEN["polygons"]:
        expected = _mask(case["pixels"])
        np.testing.assert_array_equal(polygon.rasterize([case["ring"]], *expected.shape), expected)
