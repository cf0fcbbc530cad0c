"""Agreement, outlines, shape and warping of masks small enough to see."""

import math

import numpy as np
import pytest

from annotation.geometry import boundary, iou, rle, shape, warp


def box(x, y, width, height, size=(40, 50)):
    mask = np.zeros(size, dtype=np.uint8)
    mask[y : y + height, x : x + width] = 1
    return mask


def disc(x, y, radius, size=(80, 80)):
    ys, xs = np.mgrid[: size[0], : size[1]]
    return ((xs - x) ** 2 + (ys - y) ** 2 <= radius**2).astype(np.uint8)


def test_iou_of_arrays_and_of_rles_is_the_same():
    masks = [box(0, 0, 10, 10), box(5, 0, 10, 10), box(30, 30, 5, 5), box(0, 0, 0, 0)]
    packed = [rle.encode(mask) for mask in masks]
    matrix = iou.iou_matrix(packed, packed)
    assert matrix == pytest.approx(np.array([[iou.mask_iou(a, b) for b in masks] for a in masks]))
    assert matrix[0, 1] == pytest.approx(1 / 3)
    assert matrix[3, 3] == 1.0
    assert iou.iou_matrix([], packed).shape == (0, 4)


def test_masks_of_different_pictures_are_not_compared():
    with pytest.raises(ValueError, match="different pictures"):
        iou.mask_iou(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="different pictures"):
        iou.iou_matrix([rle.encode(np.ones((2, 3), bool))], [rle.encode(np.ones((3, 2), bool))])


def test_matching_takes_the_best_total_and_not_the_greedy_one():
    matching = iou.match(np.array([[0.9, 0.8], [0.85, 0.1]]), at_least=0.3)
    assert {(a, b) for a, b, _ in matching.pairs} == {(0, 1), (1, 0)}


def test_matching_prefers_the_same_label_and_then_shows_the_confusion():
    matrix = np.array([[0.9, 0.7, 0.0], [0.0, 0.0, 0.6], [0.0, 0.0, 0.0]])
    matching = iou.match(matrix, labels_a=["cup", "gripper", "tray"], labels_b=["tray", "cup", "robot_arm"])
    assert matching.pairs == [(0, 1, 0.7), (1, 2, 0.6)]
    assert (matching.only_a, matching.only_b) == ([2], [0])


def test_a_shifted_outline_is_that_far_away():
    error = boundary.boundary_error(box(10, 10, 20, 20), box(12, 10, 20, 20))
    assert error.percentile95 == 2.0
    assert 0 < error.mean < 2
    same = boundary.boundary_error(box(10, 10, 20, 20), box(10, 10, 20, 20))
    assert (same.mean, same.percentile95) == (0.0, 0.0)


def test_boundary_error_is_symmetric_and_infinite_when_one_is_missing():
    a, b = disc(30, 30, 12), disc(36, 33, 17)
    there, back = boundary.boundary_error(a, b), boundary.boundary_error(b, a)
    assert (there.mean, there.percentile95) == pytest.approx((back.mean, back.percentile95))
    assert boundary.boundary_error(a, np.zeros_like(a)).mean == math.inf
    assert boundary.boundary_error(np.zeros_like(a), np.zeros_like(a)).mean == 0.0


def test_boundary_f_forgives_what_is_within_the_tolerance():
    a, b = box(10, 10, 20, 20), box(13, 10, 20, 20)
    assert boundary.boundary_f(a, b, tolerance=3) == 1.0
    assert 0 < boundary.boundary_f(a, b, tolerance=1) < 1
    assert boundary.boundary_f(a, np.zeros_like(a)) == 0.0
    assert boundary.boundary_f(np.zeros_like(a), np.zeros_like(a)) == 1.0


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_a_bar_is_as_wide_as_it_is(width):
    measured = shape.measure(box(5, 6, 30, width))
    assert measured.widest == measured.narrowest == width


def test_a_thin_handle_decides_the_narrowest_part_and_not_the_widest():
    cup = box(2, 2, 20, 20) | box(22, 10, 25, 2)
    measured = shape.measure(cup)
    assert measured.widest == 20
    assert measured.narrowest == pytest.approx(2, abs=0.3)
    thin = shape.thinner_than(cup, 4)
    assert not thin[:, :20].any()
    assert thin[10:12, 25:47].all()


def test_parts_holes_and_specks_are_counted():
    mask = box(2, 2, 20, 20) | box(30, 5, 3, 3)
    mask[5:8, 5:8] = 0
    mask[12, 12] = 0
    mask[35, 45] = 1
    measured = shape.measure(mask, speck_below=5)
    assert (measured.components, measured.specks, measured.speck_area) == (3, 1, 1)
    assert (measured.holes, measured.hole_area) == (2, 10)
    assert measured.area == mask.sum()


def test_a_gap_that_is_open_at_the_edge_of_the_picture_is_no_hole():
    mask = np.ones((6, 6), dtype=bool)
    mask[0:3, 2] = False
    assert shape.measure(mask).holes == 0


def test_an_empty_mask_measures_nothing():
    assert shape.measure(np.zeros((5, 5), bool)).area == 0


def test_warping_by_whole_pixels_is_exact_both_ways():
    mask = box(10, 10, 12, 8)
    flow = np.tile(np.array([4, -3], dtype=np.float32), (40, 50, 1))
    assert (warp.forward(mask, flow) == box(14, 7, 12, 8)).all()
    assert (warp.backward(box(14, 7, 12, 8), flow) == mask).all()


def test_forward_uses_only_the_flow_inside_the_mask():
    mask = box(10, 10, 12, 8)
    flow = np.full((40, 50, 2), 1000, dtype=np.float32)
    flow[mask == 1] = (4, -3)
    assert (warp.forward(mask, flow) == box(14, 7, 12, 8)).all()


def test_a_mask_that_grows_has_no_gaps():
    ys, xs = np.mgrid[:80, :80].astype(np.float32)
    flow = np.stack([(xs - 40) * 0.2, (ys - 40) * 0.2], axis=2)
    assert iou.mask_iou(warp.forward(disc(40, 40, 20), flow), disc(40, 40, 24)) > 0.93


def test_what_leaves_the_picture_or_has_no_flow_is_gone():
    mask = box(10, 10, 4, 4)
    assert not warp.forward(mask, np.full((40, 50, 2), 1e9, dtype=np.float32)).any()
    assert not warp.forward(mask, np.full((40, 50, 2), np.nan, dtype=np.float32)).any()
    with pytest.raises(ValueError, match="needs a flow"):
        warp.forward(mask, np.zeros((40, 49, 2), dtype=np.float32))
