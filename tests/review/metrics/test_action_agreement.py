from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.metrics.actions import (
    Span,
    cohen_kappa,
    f1_at,
    match_spans,
    mean_boundary_error,
    mean_temporal_iou,
    names_by_frame,
)


def test_segments_of_one_name_are_paired_and_measured() -> None:
    a = [Span(0, 2, "reach"), Span(2, 4, "grasp"), Span(6, 8, "grasp")]
    b = [Span(0, 2.5, "reach"), Span(2.5, 4, "grasp"), Span(4, 6, "lift")]
    found = match_spans(a, b)
    assert [(i, j) for i, j, _ in found.pairs] == [(0, 0), (1, 1)]
    assert (found.only_a, found.only_b) == ([2], [2])
    assert mean_temporal_iou(found) == pytest.approx((2 / 2.5 + 1.5 / 2) / 4)
    assert mean_boundary_error(a, b, found) == pytest.approx((0 + 0.5 + 0.5 + 0) / 4)


def test_nothing_on_one_side_or_on_both() -> None:
    alone = match_spans([Span(0, 1, "grasp")], [])
    assert (alone.only_a, mean_temporal_iou(alone), mean_boundary_error([], [], alone)) == ([0], 0.0, None)
    assert mean_temporal_iou(match_spans([], [])) is None
    assert (f1_at([], []), f1_at([Span(0, 1, "grasp")], [])) == (None, 0.0)


def test_splitting_a_segment_costs_precision() -> None:
    truth = [Span(0, 10, "grasp"), Span(10, 20, "lift")]
    split = [Span(0, 6, "grasp"), Span(6, 10, "grasp"), Span(10, 20, "lift")]
    assert f1_at(truth, truth) == 1.0
    assert f1_at(split, truth, overlap=0.5) == pytest.approx(4 / 5)  # 2 right of 3 said and 2 true
    assert f1_at(split, truth, overlap=0.75) == pytest.approx(2 / 5)


def test_kappa_of_the_textbook_example() -> None:
    # Two readers of 50 grant proposals: 20 both yes, 15 both no, 5 only the first, 10 only the second.
    first = ["yes"] * 20 + ["no"] * 15 + ["yes"] * 5 + ["no"] * 10
    second = ["yes"] * 20 + ["no"] * 15 + ["no"] * 5 + ["yes"] * 10
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_kappa_at_its_edges() -> None:
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["a", "a"], ["a", "a"]) == 1.0
    assert cohen_kappa(["a", "b"], ["b", "a"]) == -1.0
    with pytest.raises(ValueError, match="2 and 1 units"):
        cohen_kappa(["a", "b"], ["a"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_kappa_is_the_same_both_ways_and_at_most_one(units: list[tuple[str, str]]) -> None:
    a, b = [x for x, _ in units], [y for _, y in units]
    there, back = cohen_kappa(a, b), cohen_kappa(b, a)
    assert there is not None
    assert there == pytest.approx(back)
    assert there <= 1.0


def test_frames_outside_every_segment_have_no_name() -> None:
    spans = [Span(4, 6, "lift"), Span(1, 3, "grasp"), Span(9, 99, "place")]
    assert names_by_frame(spans, start=2, end=11) == [
        "grasp", None, "lift", "lift", None, None, None, "place", "place",
    ]  # fmt: skip
