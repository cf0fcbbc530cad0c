from __future__ import annotations

import numpy as np
import pytest

from annotation.geometry import rle
from review.metrics.agreement import LabelledMask, compare_frame, per_label


def box(label: str, x: int, width: int = 10, *, number: int = 1) -> LabelledMask:
    """A box ten pixels high on a picture of 20 x 60."""
    mask = np.zeros((20, 60), np.uint8)
    mask[5:15, x : x + width] = 1
    return LabelledMask(label, number, rle.encode(mask))


def test_each_finds_its_own_partner() -> None:
    frame = compare_frame(7, [box("cup", 0), box("cup", 30, number=2)], [box("cup", 31, number=5), box("cup", 2)])
    assert [(pair.number_a, pair.number_b) for pair in frame.pairs] == [(2, 5), (1, 1)]
    assert [pair.iou for pair in frame.pairs] == pytest.approx([9 / 11, 8 / 12])
    assert [pair.low for pair in frame.pairs] == [False, True]
    assert frame.iou == pytest.approx((9 / 11 + 8 / 12) / 2)


def test_an_equal_label_wins_over_a_better_overlap() -> None:
    frame = compare_frame(0, [box("cup", 0)], [box("box", 0), box("cup", 3)])
    [pair] = frame.pairs
    assert (pair.label_b, pair.iou) == ("cup", pytest.approx(7 / 13))
    assert [mask.label for mask in frame.only_b] == ["box"]


def test_little_overlap_is_no_pair() -> None:
    frame = compare_frame(0, [box("cup", 0)], [box("cup", 5)])  # 5 of 15 columns
    assert frame.pairs == ()
    assert (len(frame.only_a), len(frame.only_b), frame.iou) == (1, 1, 0.0)


def test_an_empty_frame_says_nothing() -> None:
    assert compare_frame(0, [], []).iou is None
    assert per_label([compare_frame(0, [], [])]) == []


def test_labels_are_summed_over_frames() -> None:
    frames = [
        compare_frame(0, [box("cup", 0)], [box("cup", 0)]),
        compare_frame(1, [box("cup", 0)], [box("cup", 1)]),
        compare_frame(2, [box("cup", 0)], []),
        compare_frame(3, [box("cup", 0)], [box("box", 0)]),
    ]
    cupboard, cup = per_label(frames)
    assert (cupboard.label, cupboard.masks, cupboard.confused, cupboard.iou) == ("box", 1, 1, 0.0)
    assert (cup.masks, cup.matched, cup.low, cup.confused) == (4, 2, 0, 1)
    assert cup.iou == pytest.approx((1 + 9 / 11) / 4)
    assert 0 < (cup.boundary_px or 0) < 0.5  # 0 px on one frame, less than 1 px on the other


def test_agreement_is_the_same_both_ways() -> None:
    a, b = [box("cup", 0), box("box", 20)], [box("cup", 2), box("cup", 21), box("arm", 45)]
    there, back = per_label([compare_frame(0, a, b)]), per_label([compare_frame(0, b, a)])
    assert there == back


def test_a_mask_without_an_outline_has_no_boundary_error() -> None:
    everywhere = LabelledMask("table", 1, rle.encode(np.ones((20, 60), np.uint8)))
    most = LabelledMask("table", 1, rle.encode(np.pad(np.ones((20, 50), np.uint8), ((0, 0), (0, 10)))))
    [pair] = compare_frame(0, [everywhere], [most]).pairs
    assert (pair.iou, pair.boundary_px) == (pytest.approx(5 / 6), None)
