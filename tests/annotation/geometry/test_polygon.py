"""Polygons and masks say the same thing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from annotation.geometry.polygon import contours, rasterize


def area(ring):
    x, y = ring[:, 0].astype(float), ring[:, 1].astype(float)
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


@settings(max_examples=120, deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=16)))
def test_the_outline_filled_is_the_mask_and_its_signed_area_the_pixel_count(mask):
    rings = contours(mask)
    assert (rasterize(rings, *mask.shape) == mask).all()
    assert sum(area(ring) for ring in rings) == mask.sum()


def test_a_rectangle_keeps_its_full_size():
    mask = np.zeros((8, 9), dtype=np.uint8)
    mask[1:5, 2:8] = 1
    assert [ring.tolist() for ring in contours(mask)] == [[[2, 1], [8, 1], [8, 5], [2, 5]]]


def test_a_hole_is_a_ring_the_other_way_round():
    mask = np.ones((5, 5), dtype=np.uint8)
    mask[2, 2] = 0
    assert sorted(area(ring) for ring in contours(mask)) == [-1, 25]


def test_pixels_that_touch_at_a_corner_get_rings_of_their_own():
    for mask in (np.eye(2, dtype=np.uint8), np.eye(2, dtype=np.uint8)[::-1]):
        assert [area(ring) for ring in contours(mask)] == [1, 1]


def test_a_pixel_is_inside_when_its_centre_is():
    assert rasterize([[(0.4, 0), (1.6, 0), (1.6, 1), (0.4, 1)]], 1, 3).tolist() == [[1, 1, 0]]
    # a centre on the left edge is in, on the right edge out
    assert rasterize([[(0.5, 0), (2.5, 0), (2.5, 1), (0.5, 1)]], 1, 4).tolist() == [[1, 1, 0, 0]]


def test_neighbours_share_no_pixel_and_leave_none_between():
    rng = np.random.default_rng(3)
    for _ in range(20):
        a, b = rng.uniform(0, 40, 2), rng.uniform(0, 40, 2)
        # the picture cut along any line through a and b, as two polygons that reach far beyond it
        away = np.array([b[1] - a[1], a[0] - b[0]]) * 1000
        start, end = a - (b - a) * 1000, b + (b - a) * 1000
        one = rasterize([[start, end, end + away, start + away]], 40, 40)
        other = rasterize([[end, start, start - away, end - away]], 40, 40)
        assert (one + other == 1).all()


def test_what_leaves_the_picture_is_clipped():
    assert rasterize([[(-50, -50), (50, -50), (50, 50), (-50, 50)]], 3, 4).all()
    assert not rasterize([[(10, 0), (20, 0), (20, 3)]], 3, 4).any()
    assert not rasterize([[(0, 0), (3, 3)]], 3, 4).any()


def test_it_refuses_a_ring_that_is_none():
    with pytest.raises(ValueError, match="finite"):
        rasterize([[(0, 0), (float("nan"), 1), (2, 2)]], 4, 4)
