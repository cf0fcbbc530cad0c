"""Two or more people's timelines of one clip and one level against each other, as figures. No Django.

The measures and their sources are in actions.py. With more than two people each figure is the mean over all pairs of
them (Light 1971, for kappa; the others likewise), leaving out pairs for which it does not exist.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from review.metrics import actions
from review.metrics.actions import Span

# The overlaps at which Lea et al. count a segment as found.
F1_AT = (0.10, 0.25, 0.50)
# Segments of different names that share less than this of their time are not two views of one thing.
LEAST_OVERLAP = 0.1


@dataclass(frozen=True)
class Score:
    """How far two timelines agree; None where a figure does not exist, as for two empty timelines.

    temporal_iou, f1_10, f1_25, f1_50 and edit: 0 to 1. boundary_error: mean distance of paired boundaries, seconds.
    shift: how much later the second sets them, seconds, mean. kappa: Cohen's, by frame.
    """

    temporal_iou: float | None
    f1_10: float | None
    f1_25: float | None
    f1_50: float | None
    edit: float | None
    boundary_error: float | None
    shift: float | None
    kappa: float | None


@dataclass(frozen=True)
class Timeline:
    """What one person set on one level.

    spans: with times in seconds. codes: (frames,) int64, 0 where there is no segment, else 1 + the place of the name.
    """

    spans: tuple[Span, ...]
    codes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """One class; `segments` counts each person's. An edit score of one class would only count its segments: None."""

    name: Hashable
    segments: tuple[int, ...]
    score: Score


@dataclass(frozen=True)
class Comparison:
    """pairs: (place of one person, place of the other, their score). people: each person against all the others."""

    names: tuple[Hashable, ...]
    overall: Score
    pairs: tuple[tuple[int, int, Score], ...]
    classes: tuple[ClassScore, ...]
    people: tuple[Score, ...]


def compare(sides: Sequence[Sequence[tuple[Span, Span]]], *, start: int, end: int) -> Comparison:
    """Compare what several people set on one level.

    Args:
        sides: per person, each segment twice: in seconds of presentation time and in frames, under one name.
        start: first frame of what they looked at.
        end: frame after the last.

    Returns:
        All figures; those of an empty timeline against an empty one do not exist, against another they are 0.
    """
    names = tuple(dict.fromkeys(span.name for side in sides for span, _ in side))
    lines = [_timeline(side, names, start, end) for side in sides]
    pairs = tuple((i, j, score(lines[i], lines[j])) for i, j in combinations(range(len(lines)), 2))
    people = tuple(
        mean_score([each if j == n else reverse(each) for i, j, each in pairs if n in (i, j)])
        for n in range(len(lines))
    )
    classes = tuple(_of_class(name, number, lines) for number, name in enumerate(names, start=1))
    return Comparison(names, mean_score([each for _, _, each in pairs]), pairs, classes, people)


def score(a: Timeline, b: Timeline) -> Score:
    """One timeline against another; `b` takes the part of the prediction in F1@k."""
    matching = actions.match_spans(a.spans, b.spans)
    shifts = actions.boundary_shifts(a.spans, b.spans, matching)
    f1_10, f1_25, f1_50 = (actions.f1_at(b.spans, a.spans, overlap=at) for at in F1_AT)
    return Score(
        temporal_iou=actions.mean_temporal_iou(matching),
        f1_10=f1_10,
        f1_25=f1_25,
        f1_50=f1_50,
        edit=actions.edit_score(a.spans, b.spans),
        boundary_error=_mean([abs(shift) for shift in shifts]),
        shift=_mean(shifts),
        kappa=actions.kappa_of_codes(a.codes, b.codes) if a.spans or b.spans else None,
    )


def reverse(given: Score) -> Score:
    """The same agreement seen from the other side: who was later is now earlier."""
    return Score(**(_values(given) | {"shift": None if given.shift is None else -given.shift}))


def mean_score(given: Sequence[Score]) -> Score:
    """Figure by figure, over those that have it."""
    return Score(
        **{
            each.name: _mean([value for one in given if (value := getattr(one, each.name)) is not None])
            for each in fields(Score)
        }
    )


def _timeline(side: Sequence[tuple[Span, Span]], names: Sequence[Hashable], start: int, end: int) -> Timeline:
    numbers: dict[Hashable, int] = {name: number for number, name in enumerate(names, start=1)}
    codes = np.zeros(end - start, dtype=np.int64)
    for _, span in sorted(side, key=lambda both: both[1].start):
        codes[max(0, int(span.start) - start) : max(0, int(span.end) - start)] = numbers[span.name]
    return Timeline(tuple(span for span, _ in side), codes)


def _of_class(name: Hashable, number: int, lines: Sequence[Timeline]) -> ClassScore:
    own = [
        Timeline(tuple(span for span in line.spans if span.name == name), (line.codes == number).astype(np.int64))
        for line in lines
    ]
    found = mean_score([score(a, b) for a, b in combinations(own, 2)])
    return ClassScore(name, tuple(len(line.spans) for line in own), Score(**(_values(found) | {"edit": None})))


def _values(given: Score) -> dict[str, float | None]:
    return {each.name: getattr(given, each.name) for each in fields(Score)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def align(sides: Sequence[Sequence[Span]]) -> list[tuple[int | None, ...]]:
    """Rows of segments that are taken to be one thing, whatever each person called it; by time.

    One person after the other is assigned to the rows so far (Hungarian), equal names first and then the overlap, as
    masks are paired.

    Args:
        sides: per person, their segments of one level.

    Returns:
        Per row one place a person: the index of their segment, None where they have none. Every segment is in one row.
    """
    rows: list[list[int | None]] = []
    for person, side in enumerate(sides):
        gain = np.zeros((len(rows), len(side)))
        for other, theirs in enumerate(sides[:person]):
            near = actions.overlap_matrix(theirs, side)
            near[(near > 0) & _same_name(theirs, side)] += 1.0
            for place, row in enumerate(rows):
                if (index := row[other]) is not None:
                    gain[place] = np.maximum(gain[place], near[index])
        taken = set()
        for place, index in _assigned(np.where(gain >= LEAST_OVERLAP, gain, 0.0)):
            rows[place].append(index)
            taken.add(index)
        for row in rows:
            if len(row) == person:
                row.append(None)
        rows += [[*([None] * person), index] for index in range(len(side)) if index not in taken]

    def begins(row: Sequence[int | None]) -> tuple[float, float]:
        return min(side[index].interval for side, index in zip(sides, row, strict=True) if index is not None)

    return [tuple(row) for row in sorted(rows, key=begins)]


def _assigned(gain: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs (row, column) with a gain above 0 whose sum is largest.

    What nothing connects is assigned apart: an hour's segments meet only their neighbours.
    """
    rows, columns = np.nonzero(gain)
    count = sum(gain.shape)
    _, part = connected_components(coo_array((np.ones(len(rows)), (rows, columns + len(gain))), (count, count)))
    found = []
    for number in np.unique(part[rows]):
        own_rows = np.flatnonzero(part[: len(gain)] == number)
        own_columns = np.flatnonzero(part[len(gain) :] == number)
        block = gain[np.ix_(own_rows, own_columns)]
        for i, j in zip(*linear_sum_assignment(block, maximize=True), strict=True):
            if block[i, j] > 0:
                found.append((int(own_rows[i]), int(own_columns[j])))
    return found


def _same_name(a: Sequence[Span], b: Sequence[Span]) -> npt.NDArray[np.bool_]:
    numbers: dict[Hashable, int] = {}
    codes = [np.array([numbers.setdefault(span.name, len(numbers)) for span in side], np.int64) for side in (a, b)]
    return np.asarray(codes[0][:, None] == codes[1])
