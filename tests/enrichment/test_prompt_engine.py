"""Masks from boxes and clicks, on a picture with known things in it."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from enrichment.engines import click_regions, grabcut
from enrichment.engines.grabcut_prompts import GrabcutPrompter
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Previous, Prompt

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
    found = grabcut.from_box(picture, (68, 47, 64, 46))[0]
    assert iou(found.mask, thing) > 0.9
    assert found.confidence > 0.6


def test_the_same_prompt_gives_the_same_masks(picture: np.ndarray) -> None:
    for first, second in (
        [grabcut.from_box(picture, THING) for _ in range(2)],
        [click_regions.propose(picture, [(100, 70, True)]) for _ in range(2)],
    ):
        assert [each.mask.tobytes() for each in first] == [each.mask.tobytes() for each in second]


def test_a_click_without_a_box_gives_the_thing_with_less_confidence(picture: np.ndarray, thing: np.ndarray) -> None:
    found = click_regions.propose(picture, [(100, 70, True)])[0]
    assert iou(found.mask, thing) > 0.85
    assert found.confidence < grabcut.from_box(picture, (68, 47, 64, 46))[0].confidence


def test_a_click_on_a_part_offers_the_part_and_the_whole(picture: np.ndarray, thing: np.ndarray) -> None:
    labelled = picture.copy()
    patch = np.zeros(thing.shape, bool)
    patch[60:80, 90:110] = True
    labelled[patch] = (235, 235, 240)
    found = click_regions.propose(labelled, [(100, 70, True)])
    assert 2 <= len(found) <= 3
    assert max(iou(each.mask, patch) for each in found) > 0.8
    assert max(iou(each.mask, thing) for each in found) > 0.8
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
    assert all(iou(a.mask, b.mask) < 0.9 for a, b in combinations(found, 2))


def test_clicks_far_apart_are_in_one_region_and_one_beside_is_not(picture: np.ndarray) -> None:
    found = click_regions.propose(picture, [(78, 70, True), (122, 70, True), (100, 125, False)])[0].mask
    assert found[70, 78]
    assert found[70, 122]
    assert not found[125, 100]


def test_a_click_in_the_corner_of_the_picture_is_answered(picture: np.ndarray) -> None:
    for x, y in ((0, 0), (199, 159), (199, 0)):
        assert click_regions.propose(picture, [(x, y, True)])[0].mask[y, x]


def test_readings_of_a_box_differ_and_the_first_is_the_likeliest(picture: np.ndarray) -> None:
    # Both ellipses and the ground between them.
    found = grabcut.from_box(picture, (66, 45, 68, 98))
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
    assert all(iou(a.mask, b.mask) < 0.95 for a, b in combinations(found, 2))


def test_a_correction_is_one_mask_and_keeps_what_was_right(picture: np.ndarray, thing: np.ndarray) -> None:
    engine = GrabcutPrompter()
    seen = engine.embed(picture)
    wrong = thing.copy()
    wrong[:, 105:] = False
    asked = Prompt(points=[(85, 70, True), (118, 70, True)], previous=Previous(wrong))
    (found,) = engine.answer(seen, asked)
    assert iou(found.mask, thing) > iou(wrong, thing) + 0.15
    assert len(engine.answer(seen, Prompt(box=THING, points=[(100, 70, True)]))) == 1


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
    found = grabcut.from_box(picture, (10, 100, 40, 40))[0]
    assert found.mask.any()
    assert found.confidence < 0.6


def test_a_box_around_the_whole_picture_is_answered(picture: np.ndarray) -> None:
    assert grabcut.from_box(picture, (0, 0, 200, 160))[0].mask.shape == (160, 200)


@pytest.mark.parametrize("box", [(300, 10, 20, 20), (10, 10, 1, 20), (-50, 10, 40, 40), (float("inf"), 0, 10, 10)])
def test_a_box_outside_the_picture_is_refused(box: tuple[float, float, float, float], picture: np.ndarray) -> None:
    with pytest.raises(EngineInputError, match="holds no part of the picture"):
        grabcut.from_box(picture, box)


def test_clicks_beside_a_thing_need_one_on_it(picture: np.ndarray) -> None:
    with pytest.raises(EngineInputError, match="Click on the thing first"):
        click_regions.propose(picture, [(10, 10, False)])
