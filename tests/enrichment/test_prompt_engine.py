"""Masks from boxes and clicks, on a picture with known things in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enrichment.engines import grabcut
from enrichment.errors import EngineInputError

THING = (70, 50, 60, 40)  # x, y, width, height of an ellipse's box


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A reddish ellipse and a second one below it on a grainy green ground."""
    noise = np.random.default_rng(0).normal(0, 8, (160, 200, 3))
    drawn = np.full((160, 200, 3), (70, 120, 80), dtype=np.uint8)
    cv2.ellipse(drawn, (100, 70), (30, 20), 0, 0, 360, (200, 80, 60), -1)
    cv2.ellipse(drawn, (100, 125), (25, 15), 0, 0, 360, (60, 60, 190), -1)
    return np.clip(drawn + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def thing() -> np.ndarray:
    mask = np.zeros((160, 200), dtype=np.uint8)
    cv2.ellipse(mask, (100, 70), (30, 20), 0, 0, 360, 1, -1)
    return mask > 0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_box_gives_the_thing_in_it(picture: np.ndarray, thing: np.ndarray) -> None:
    found = grabcut.from_box(picture, (68, 47, 64, 46))
    assert iou(found.mask, thing) > 0.9
    assert found.confidence > 0.6


def test_the_same_box_gives_the_same_mask(picture: np.ndarray) -> None:
    first, second = (grabcut.from_box(picture, THING) for _ in range(2))
    assert np.array_equal(first.mask, second.mask)


def test_a_click_without_a_box_gives_the_thing_with_less_confidence(picture: np.ndarray, thing: np.ndarray) -> None:
    found = grabcut.from_clicks(picture, [(100, 70, True)])
    assert iou(found.mask, thing) > 0.8
    assert found.confidence < grabcut.from_box(picture, (68, 47, 64, 46)).confidence


def test_clicks_correct_a_mask_near_them_and_leave_the_rest(picture: np.ndarray, thing: np.ndarray) -> None:
    wrong = thing.copy()
    wrong[:, 105:] = False
    wrong[5:25, 5:25] = True
    clicks = [(118.0, 70.0, True)]
    better = grabcut.refine(picture, wrong, clicks).mask
    assert iou(better[:, 40:], thing[:, 40:]) > iou(wrong[:, 40:], thing[:, 40:]) + 0.15
    assert better[5:25, 5:25].all()
    clicks.append((15.0, 15.0, False))
    best = grabcut.refine(picture, better, clicks).mask
    assert best[5:25, 5:25].mean() < 0.3


def test_a_click_that_the_mask_already_satisfies_changes_nothing(picture: np.ndarray, thing: np.ndarray) -> None:
    assert np.array_equal(grabcut.refine(picture, thing, [(100, 70, True), (10, 10, False)]).mask, thing)


def test_a_box_on_bare_ground_gives_something_with_little_confidence(picture: np.ndarray) -> None:
    found = grabcut.from_box(picture, (10, 100, 40, 40))
    assert found.mask.any()
    assert found.confidence < 0.6


def test_a_box_around_the_whole_picture_is_answered(picture: np.ndarray) -> None:
    assert grabcut.from_box(picture, (0, 0, 200, 160)).mask.shape == (160, 200)


@pytest.mark.parametrize("box", [(300, 10, 20, 20), (10, 10, 1, 20), (-50, 10, 40, 40), (float("inf"), 0, 10, 10)])
def test_a_box_outside_the_picture_is_refused(box: tuple[float, float, float, float], picture: np.ndarray) -> None:
    with pytest.raises(EngineInputError, match="holds no part of the picture"):
        grabcut.from_box(picture, box)


def test_clicks_beside_a_thing_need_one_on_it(picture: np.ndarray) -> None:
    with pytest.raises(EngineInputError, match="Click on the thing first"):
        grabcut.from_clicks(picture, [(10, 10, False)])
