from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import cohen_kappa_score

from review.metrics import timelines
from review.metrics.actions import Span, cohen_kappa, edit_score, f1_at, overlap_matrix
from tests.review.metrics import published_scores

BACKGROUND = "background"
# Runs of names as annotators leave them: a few frames of one thing, then of another, or of nothing.
FRAMES = st.lists(
    st.tuples(st.sampled_from([BACKGROUND, "grasp", "lift", "place"]), st.integers(1, 9)), min_size=1, max_size=12
).map(lambda runs: [name for name, length in runs for _ in range(length)])


def spans(frames: list[str], rate: float = 1.0) -> list[Span]:
    return [Span(start / rate, end / rate, name) for name, start, end in published_scores.segments_of(frames)]


def side(*segments: tuple[float, float, str], rate: float = 10.0) -> list[tuple[Span, Span]]:
    """Segments given in frames of a steady clip, as `compare` takes them."""
    return [(Span(a / rate, b / rate, name), Span(a, b, name)) for a, b, name in segments]


def values(found: timelines.Score) -> dict[str, Any]:
    return {name: getattr(found, name) for name in timelines.Score.__dataclass_fields__}


@settings(deadline=None)
@given(FRAMES, FRAMES)
def test_f1_and_edit_score_are_the_published_ones(said: list[str], true: list[str]) -> None:
    assume(spans(said) and spans(true))
    for overlap in timelines.F1_AT:
        found = f1_at(spans(said), spans(true), overlap=overlap)
        assert found == pytest.approx(published_scores.f1(said, true, overlap) / 100)
    assert edit_score(spans(said), spans(true)) == pytest.approx(published_scores.edit_score(said, true) / 100)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_kappa_is_scikit_learns(units: list[tuple[str, str]]) -> None:
    a, b = [x for x, _ in units], [y for _, y in units]
    assume(len({*a, *b}) > 1)
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))


def test_the_order_of_what_was_done_is_what_the_edit_score_sees() -> None:
    cut = [Span(0, 1, "grasp"), Span(1, 2, "lift"), Span(2, 3, "place")]
    elsewhere = [Span(5, 9, "grasp"), Span(9, 10, "lift"), Span(10, 20, "place")]
    assert edit_score(cut, elsewhere) == 1.0
    assert edit_score(cut, cut[:2]) == pytest.approx(2 / 3)
    assert edit_score(cut, [cut[1], cut[0], cut[2]]) == 1.0  # by time, in whatever order they are handed over
    assert (edit_score(cut, []), edit_score([], [])) == (0.0, None)


def test_two_people_in_all_figures() -> None:
    alice = side((0, 10, "grasp"), (10, 20, "lift"))
    bob = side((0, 12, "grasp"), (12, 20, "lift"), (22, 24, "place"))
    found = timelines.compare([alice, bob], start=0, end=24)
    only = found.overall
    assert only.temporal_iou == pytest.approx((10 / 12 + 8 / 10 + 0) / 3)
    assert (only.f1_10, only.f1_25, only.f1_50) == pytest.approx((0.8, 0.8, 0.8))
    assert only.edit == pytest.approx(2 / 3)
    assert only.boundary_error == pytest.approx((0 + 0.2 + 0.2 + 0) / 4)
    assert only.shift == pytest.approx(0.1)  # bob's boundaries come a tenth of a second later on the mean
    names = [["g"] * 10 + ["l"] * 10 + ["-"] * 4, ["g"] * 12 + ["l"] * 8 + ["-"] * 2 + ["p"] * 2]
    assert only.kappa == pytest.approx(cohen_kappa_score(*names))
    alices, bobs = found.people
    assert (alices.shift, bobs.shift) == pytest.approx((-0.1, 0.1))
    by_name = {each.name: each for each in found.classes}
    assert by_name["grasp"].segments == (1, 1)
    assert by_name["grasp"].score.temporal_iou == pytest.approx(10 / 12)
    assert by_name["place"].segments == (0, 1)
    assert (by_name["place"].score.f1_10, by_name["place"].score.boundary_error) == (0.0, None)
    grasp = cohen_kappa_score([name == "g" for name in names[0]], [name == "g" for name in names[1]])
    assert by_name["grasp"].score.kappa == pytest.approx(grasp)


def test_three_people_are_the_mean_of_three_pairs() -> None:
    alice, bob, carol = side((0, 10, "grasp")), side((0, 10, "grasp")), side((5, 15, "grasp"))
    found = timelines.compare([alice, bob, carol], start=0, end=20)
    assert [(i, j) for i, j, _ in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert found.overall.temporal_iou == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert [person.temporal_iou for person in found.people] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert found.people[2].shift == pytest.approx(0.5)


@settings(deadline=None)
@given(FRAMES, FRAMES)
def test_rows_pair_what_the_largest_sum_of_overlaps_pairs(one: list[str], other: list[str]) -> None:
    a, b = spans(one), spans(other)
    gain = overlap_matrix(a, b)
    gain[(gain > 0) & np.array([[x.name == y.name for y in b] for x in a], bool).reshape(len(a), len(b))] += 1.0
    gain[gain < timelines.LEAST_OVERLAP] = 0.0
    rows = timelines.align([a, b])
    assert sorted(i for i, _ in rows if i is not None) == list(range(len(a)))
    assert sorted(j for _, j in rows if j is not None) == list(range(len(b)))
    chosen = sum(gain[i, j] for i, j in rows if i is not None and j is not None)
    assert chosen == pytest.approx(gain[linear_sum_assignment(gain, maximize=True)].sum())


def test_people_who_never_overlap_agree_on_nothing_but_the_order() -> None:
    found = timelines.compare([side((0, 5, "grasp")), side((10, 15, "grasp"))], start=0, end=20).overall
    assert (found.temporal_iou, found.f1_10, found.boundary_error) == (0.0, 0.0, None)
    assert found.edit == 1.0
    assert found.kappa is not None
    assert found.kappa < 0


def test_empty_timelines() -> None:
    nobody = timelines.compare([[], []], start=0, end=20)
    assert set(values(nobody.overall).values()) == {None}
    assert nobody.classes == ()
    one = timelines.compare([side((0, 5, "grasp")), []], start=0, end=20).overall
    assert (one.temporal_iou, one.f1_50, one.edit, one.boundary_error) == (0.0, 0.0, 0.0, None)
    assert one.kappa == pytest.approx(0.0)


def test_times_and_not_frames_decide_where_the_rate_varies() -> None:
    # Frames 0-9 last 0.1 s each, 10-19 one second each: the same five frames are 0.5 s or 5 s.
    seconds = [0.1 * n for n in range(11)] + [1.0 + n for n in range(1, 11)]

    def on(start: int, end: int) -> list[tuple[Span, Span]]:
        return [(Span(seconds[start], seconds[end], "grasp"), Span(start, end, "grasp"))]

    early = timelines.compare([on(0, 10), on(0, 5)], start=0, end=20).overall
    late = timelines.compare([on(10, 20), on(10, 15)], start=0, end=20).overall
    assert (early.boundary_error, late.boundary_error) == pytest.approx((0.25, 2.5))
    assert early.kappa == pytest.approx(late.kappa)
