"""Intervals and times."""

import numpy as np
import pytest

from annotation.geometry import intervals, timebase

STEADY = np.arange(5) / 25
UNSTEADY = np.array([0.0, 0.04, 0.2, 0.24, 0.5])


def test_temporal_iou():
    assert intervals.temporal_iou((0, 10), (5, 15)) == pytest.approx(1 / 3)
    assert intervals.temporal_iou((0, 5), (5, 10)) == 0
    assert intervals.temporal_iou((3, 3), (3, 3)) == 0


def test_ends_are_not_inside():
    assert not intervals.overlap((0, 5), (5, 9))
    assert intervals.overlaps([(5, 9), (0, 5), (4, 6), (20, 21)]) == [(0, 2), (1, 2)]


def test_union_and_gaps_cover_everything_once():
    spans = [(8, 10), (0, 3), (2, 5), (5, 6), (7, 7)]
    assert intervals.union(spans) == [(0, 6), (8, 10)]
    assert intervals.gaps(spans, (0, 12)) == [(6, 8), (10, 12)]
    assert intervals.gaps(spans, (1, 4)) == []
    assert intervals.length(spans) == 8


def test_a_frame_stays_until_the_next_one_appears():
    assert [timebase.frame_at(UNSTEADY, t) for t in (-1, 0, 0.03, 0.04, 0.19, 0.2, 9)] == [0, 0, 0, 1, 1, 2, 4]
    for frame in range(5):
        assert timebase.frame_at(UNSTEADY, timebase.time_of(UNSTEADY, frame)) == frame


def test_the_nearest_frame():
    assert [timebase.nearest_frame(UNSTEADY, t) for t in (-1, 0.019, 0.021, 0.121, 9)] == [0, 0, 1, 2, 4]


def test_the_last_frame_lasts_one_frame():
    assert timebase.span(STEADY, 3, 5) == pytest.approx((0.12, 0.2))
    with pytest.raises(IndexError, match=r"\[0, 6\)"):
        timebase.span(STEADY, 0, 6)


def test_frames_within_a_time_span():
    assert timebase.frames_within(UNSTEADY, 0.04, 0.24) == (1, 3)


def test_a_negative_frame_is_not_counted_from_the_end():
    with pytest.raises(IndexError, match="no frame -1"):
        timebase.time_of(STEADY, -1)


def test_rounding_to_milliseconds_is_no_variable_rate():
    rounded = np.round(np.arange(300) / 29.97, 3)
    assert not timebase.is_variable(rounded)
    assert timebase.nominal_fps(rounded) == pytest.approx(29.97, abs=0.01)
    assert timebase.is_variable(UNSTEADY)
    assert timebase.nominal_fps(np.array([0.0])) == 0
