"""Series of numbers: what is drawn of them, where they change, and how they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from enrichment.engines.series import Column, changes, dump, extremes, load, read_csv, strokes
from enrichment.errors import EngineInputError

NAN = float("nan")


def test_the_extremes_of_each_stretch_keep_a_spike_of_one_frame() -> None:
    values = np.array([0, 1, 2, 9, 0, -5, 3], np.float32)
    low, high = extremes(values, 1, 7, 2)
    assert low.tolist() == [1, 0, -5]
    assert high.tolist() == [2, 9, 3]


def test_what_is_not_known_is_no_extreme() -> None:
    low, high = extremes(np.array([NAN, 4, NAN, NAN], np.float32), 0, 6, 2)
    np.testing.assert_array_equal(low, [4, NAN, NAN])
    np.testing.assert_array_equal(high, [4, NAN, NAN])


def test_extremes_are_those_of_every_stretch_taken_alone() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    low, high = extremes(values, 37, 901, 13)
    for n, first in enumerate(range(37, 901, 13)):
        part = values[first : min(first + 13, 901)]
        assert (low[n], high[n]) == (part.min(), part.max())


def test_two_strokes_with_a_rest_between_start_rest_and_stop() -> None:
    bump = np.sin(np.linspace(0, np.pi, 20))
    speed = np.concatenate([np.zeros(10), np.maximum(bump, 0.2), [0.2] * 1, np.maximum(bump, 0.2), np.zeros(10)])
    found = strokes(speed.astype(np.float32), least=0.01)
    assert [moment.kind for moment in found] == ["start", "rest", "stop"]
    start, rest, stop = (moment.frame for moment in found)
    assert start == 10
    assert 28 <= rest <= 33
    assert stop == 51


def test_noise_below_the_least_speed_has_no_moments() -> None:
    speed = np.abs(np.random.default_rng(1).normal(0, 0.01, 200)).astype(np.float32)
    assert strokes(speed, least=0.1) == []


def test_a_gripper_that_closes_and_opens_changes_twice() -> None:
    opening = np.full(100, 0.08, np.float32)
    opening[30:70] = 0.02
    found = changes(opening, smoothing=2.0)
    assert [moment.kind for moment in found] == ["change", "change"]
    assert abs(found[0].frame - 30) <= 1
    assert abs(found[1].frame - 70) <= 1
    assert changes(np.full(100, 0.05, np.float32), smoothing=2.0) == []


def test_a_table_by_time_is_read_onto_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "robot.csv"
    path.write_text("time [s],gripper opening [m],note\n0.0,0.0,a\n0.1,0.1,b\n0.2,,c\n0.3,0.3,d\n")
    (column,) = read_csv(path, [0.0, 0.05, 0.15, 0.25, 0.35])
    assert (column.name, column.unit) == ("gripper opening", "m")
    np.testing.assert_allclose(column.values, [0.0, 0.05, 0.15, 0.25, NAN], rtol=1e-6)


def test_columns_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    path.write_bytes(dump([Column("force", "N", np.array([1, NAN], np.float32)), Column("é", "", np.zeros(2, "f4"))]))
    force, other = load(path)
    assert (force.name, force.unit, other.name, other.unit) == ("force", "N", "é", "")
    np.testing.assert_array_equal(force.values, [1, NAN])
    path.write_bytes(b"PK torn")
    with pytest.raises(EngineInputError, match="holds no columns"):
        load(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "no column called frame or time"),
        ("frame,b\n2,1\n1,2\n", "must hold numbers that rise"),
        ("frame,b\n1,2,3\n4\n", "cannot be read as a CSV table"),
    ],
)
def test_a_table_that_fits_no_clip_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    with pytest.raises(EngineInputError, match=sentence):
        read_csv(path, [0.0, 0.1])
