"""What the browser does to masks is what OpenCV, scipy, pycocotools and the server's rasteriser do to them."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as coco
from scipy import ndimage

from annotation.geometry import polygon, rle
from tests.js.test_rle import random_mask

PIPE = Path(__file__).parent / "operations_pipe.mjs"
NODE = shutil.which("node")
ROUNDS = 300

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node on this machine")

Picture = npt.NDArray[np.uint8]


def in_the_browser(asked: list[dict[str, Any]]) -> list[Any]:
    lines = "\n".join(json.dumps(one) for one in asked)
    done = subprocess.run([str(NODE), str(PIPE)], input=lines.encode(), capture_output=True, check=True)
    return list(json.loads(done.stdout))


def counts(mask: npt.NDArray[Any]) -> str:
    return rle.encode(mask != 0)["counts"]


def disc(radius: int) -> Picture:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (rows**2 + columns**2 <= radius**2).astype(np.uint8)


def without_specks(mask: Picture, least: int) -> npt.NDArray[np.bool_]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.isin(labels, [n for n in range(1, len(areas)) if areas[n] >= least or n == areas.argmax()])


def masks(seed: int) -> list[Picture]:
    rng = np.random.default_rng(seed)
    return [random_mask(rng) for _ in range(ROUNDS)]


def test_growing_and_shrinking_are_scipys_with_a_disc() -> None:
    asked, expected = [], []
    for n, mask in enumerate(masks(1)):
        by, size = 1 + n % 6, {"height": mask.shape[0], "width": mask.shape[1]}
        asked += [{"op": op, "counts": counts(mask), "by": by, **size} for op in ("grow", "shrink")]
        expected += [
            counts(ndimage.binary_dilation(mask, disc(by))),
            counts(ndimage.binary_erosion(mask, disc(by), border_value=1)),
        ]
    assert in_the_browser(asked) == expected


def test_holes_specks_and_parts_are_those_of_scipy_and_opencv() -> None:
    asked, expected = [], []
    for n, mask in enumerate(masks(2)):
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        asked += [{"op": op, "counts": counts(mask), "by": 1 + n % 20, **size} for op in ("holes", "specks", "parts")]
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        expected += [
            counts(ndimage.binary_fill_holes(mask)),
            counts(without_specks(mask, 1 + n % 20)),
            sorted(stats[1:, cv2.CC_STAT_AREA].tolist()),
        ]
    assert in_the_browser(asked) == expected


def test_union_difference_and_intersection_of_runs_are_those_of_the_pixels() -> None:
    rng = np.random.default_rng(3)
    asked: list[dict[str, Any]] = []
    expected = []
    for mask in masks(4):
        other = (rng.random(mask.shape) < rng.random()).astype(np.uint8)
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        for op, result in (("union", mask | other), ("minus", mask & ~other), ("common", mask & other)):
            asked.append({"op": op, "counts": counts(mask), "other": counts(other), **size})
            expected.append(coco.encode(np.asfortranarray(result & 1))["counts"].decode())
    assert in_the_browser(asked) == expected


def test_rings_with_holes_are_filled_as_the_server_fills_them() -> None:
    rng = np.random.default_rng(5)
    asked, expected = [], []
    for n in range(ROUNDS):
        rings = [(rng.random((rng.integers(3, 9), 2)) * 110 - 10) for _ in range(rng.integers(1, 4))]
        if n % 2:  # corners and centres of pixels, where a rule decides
            rings = [np.round(ring * 2) / 2 for ring in rings]
        asked.append({"op": "polygon", "height": 80, "width": 90, "rings": [ring.tolist() for ring in rings]})
        expected.append(counts(polygon.rasterize(rings, 80, 90)))
    assert in_the_browser(asked) == expected


def covered(start: npt.NDArray[Any], end: npt.NDArray[Any], sizes: tuple[float, float], shape: str) -> Picture:
    """(60, 70) uint8: the tip, put down at so many places of its way that it misses next to nothing."""
    rows, columns = np.mgrid[:60, :70] + 0.5
    mask = np.zeros((60, 70), np.uint8)
    for share in np.linspace(0, 1, 4001):
        x, y = start + share * (end - start)
        half = (sizes[0] + share * (sizes[1] - sizes[0])) / 2
        if shape == "round":
            mask |= ((columns - x) ** 2 + (rows - y) ** 2 <= half**2).astype(np.uint8)
        else:
            mask |= ((abs(columns - x) <= half) & (abs(rows - y) <= half)).astype(np.uint8)
    return mask


@pytest.mark.parametrize("shape", ["round", "square"])
def test_a_sweep_is_the_union_of_the_tips_on_its_way(shape: str) -> None:
    rng = np.random.default_rng(6)
    asked, expected = [], []
    for n in range(40):
        start, end = rng.random((2, 2)) * 50 + 5
        sizes = (12.0, 12.0) if n % 3 == 0 else (float(rng.uniform(1, 15)), float(rng.uniform(1, 15)))
        told = {"from": start.tolist(), "to": end.tolist(), "fromSize": sizes[0], "size": sizes[1], "shape": shape}
        asked.append({"op": "sweep", "height": 60, "width": 70, **told})
        expected.append(covered(start, end, sizes, shape))
    for answer, mask in zip(in_the_browser(asked), expected, strict=True):
        found = rle.decode({"size": [60, 70], "counts": answer})
        assert not np.any(mask & ~found & 1), "a place of the tip is missing"
        assert np.count_nonzero(found ^ mask) <= 1, "more than the tip has been painted"


def test_a_centreline_is_every_pixel_within_half_its_thickness() -> None:
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[:60, :70] + 0.5
    centres = np.stack([columns, rows], axis=-1)
    asked, expected = [], []
    for _ in range(40):
        points, size = rng.random((rng.integers(1, 6), 2)) * 55 + 3, float(rng.integers(1, 12))
        nearest = np.full(rows.shape, np.inf)
        for start, end in pairwise(points if len(points) > 1 else [points[0], points[0]]):
            along = end - start
            length = float(along @ along) or 1.0
            share = np.clip((centres - start) @ along / length, 0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(centres - (start + share[..., None] * along), axis=-1))
        asked.append({"op": "chain", "height": 60, "width": 70, "points": points.tolist(), "size": size})
        expected.append(counts(nearest <= size / 2))
    assert in_the_browser(asked) == expected
