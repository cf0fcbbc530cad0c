"""Quality and appearance of single pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import scene
from enrichment.engines import appearance, quality


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return next(iter(scene.render(scene.SceneSpec(seed=1, frames=16, width=320, height=240)))).image


def test_a_blurred_picture_is_called_blurry_and_noise_does_not_make_it_sharp(picture: NDArray[np.uint8]) -> None:
    blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), 6), np.uint8)
    noise = np.random.default_rng(0).normal(0, 15, picture.shape)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    assert not quality.measure(picture)["blurry"]
    assert quality.measure(blurred)["blurry"]
    assert quality.measure(noisy)["net_sharpness"] < quality.measure(noisy)["sharpness"]


def test_dark_and_bright_pictures_are_flagged_by_their_mean(picture: NDArray[np.uint8]) -> None:
    assert quality.measure((picture * 0.1).astype(np.uint8))["too_dark"]
    assert quality.measure(np.full_like(picture, 250))["too_bright"]
    normal = quality.measure(picture)
    assert not normal["too_dark"]
    assert not normal["too_bright"]


def test_a_near_duplicate_is_closer_than_another_scene(picture: NDArray[np.uint8]) -> None:
    other = next(iter(scene.render(scene.SceneSpec(seed=8, frames=16, width=320, height=240)))).image
    brighter = np.clip(picture.astype(int) + 4, 0, 255).astype(np.uint8)
    mine, near, far = (appearance.describe(each) for each in (picture, brighter, other))
    assert mine.shape == (682,)
    assert float(np.linalg.norm(mine)) == pytest.approx(1.0, abs=1e-5)
    assert float(mine @ near) > 0.95 > float(mine @ far)
