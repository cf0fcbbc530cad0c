"""How far two people's action segments agree. Intervals are [start, end), in frames or seconds alike.

Sources: Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection", CVPR 2017, for F1@k and
the edit score; Lea et al., "Segmental Spatiotemporal CNNs for Fine-grained Action Segmentation", ECCV 2016, where the
edit score is defined; Cohen, "A Coefficient of Agreement for Nominal Scales", 1960, for kappa, taken by frame as BORIS
takes it by time unit; Light, "Measures of response agreement for qualitative data", 1971, for more than two people.

Published code reads segments off a sequence of names, one a frame, where two neighbours of one name are one segment;
here neighbours of one name stay two, because a person set them as two.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from annotation.geometry.intervals import Interval


@dataclass(frozen=True)
class Span:
    """One segment: where it lies and what it is called."""

    start: float
    end: float
    name: Hashable

    @property
    def interval(self) -> Interval:
        return (self.start, self.end)


@dataclass(frozen=True)
class SpanMatching:
    """Pairs (index in a, index in b, temporal IoU) in the order of a, and what found no partner."""

    pairs: list[tuple[int, int, float]]
    only_a: list[int]
    only_b: list[int]


def overlap_matrix(a: Sequence[Span], b: Sequence[Span]) -> npt.NDArray[np.float64]:
    """(len(a), len(b)) temporal IoU of every two segments, whatever they are called; 0 where they only touch."""
    starts_a, ends_a = _bounds(a)
    starts_b, ends_b = _bounds(b)
    shared = np.minimum(ends_a[:, None], ends_b) - np.maximum(starts_a[:, None], starts_b)
    shared = np.maximum(shared, 0.0)
    total = (ends_a - starts_a)[:, None] + (ends_b - starts_b) - shared
    return np.asarray(np.divide(shared, total, out=np.zeros_like(shared), where=total > 0))


def match_spans(a: Sequence[Span], b: Sequence[Span]) -> SpanMatching:
    """Pair segments of the same name so that the total temporal IoU is largest; those that do not touch are no pair."""
    pairs: list[tuple[int, int, float]] = []
    rows, columns = _by_name(a), _by_name(b)
    # One name after the other: the sum is the same, and an hour's segments stay quick.
    for name in rows.keys() & columns.keys():
        gain = overlap_matrix([a[i] for i in rows[name]], [b[j] for j in columns[name]])
        for i, j in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[i, j] > 0:
                pairs.append((rows[name][i], columns[name][j], float(gain[i, j])))
    paired_a, paired_b = {i for i, _, _ in pairs}, {j for _, j, _ in pairs}
    return SpanMatching(
        pairs=sorted(pairs),
        only_a=[i for i in range(len(a)) if i not in paired_a],
        only_b=[j for j in range(len(b)) if j not in paired_b],
    )


def mean_temporal_iou(matching: SpanMatching) -> float | None:
    """Mean over all segments that either set, 0 for those without a partner; None when there are none."""
    things = len(matching.pairs) + len(matching.only_a) + len(matching.only_b)
    return sum(overlap for _, _, overlap in matching.pairs) / things if things else None


def boundary_shifts(a: Sequence[Span], b: Sequence[Span], matching: SpanMatching) -> list[float]:
    """How much later b set each paired start and each paired end, in the unit of the spans; below 0 is earlier."""
    return [shift for i, j, _ in matching.pairs for shift in (b[j].start - a[i].start, b[j].end - a[i].end)]


def mean_boundary_error(a: Sequence[Span], b: Sequence[Span], matching: SpanMatching) -> float | None:
    """Mean distance of paired starts and paired ends, in the unit of the spans; None without a pair."""
    shifts = boundary_shifts(a, b, matching)
    return sum(abs(shift) for shift in shifts) / len(shifts) if shifts else None


def f1_at(predicted: Sequence[Span], truth: Sequence[Span], *, overlap: float = 0.5) -> float | None:
    """Segmental F1@k of Lea et al.: each prediction takes the true segment of its name that it overlaps most.

    Args:
        predicted: one side's segments.
        truth: the other's.
        overlap: temporal IoU from which a prediction is right; k = 50 is 0.5.

    Returns:
        0 to 1 (published as per cent); a true segment is taken once, so splitting one costs precision. None when both
        sides are empty.
    """
    if not predicted and not truth:
        return None
    columns = _by_name(truth)
    right = 0
    for name, rows in _by_name(predicted).items():
        if name not in columns:
            continue
        reach = overlap_matrix([predicted[i] for i in rows], [truth[j] for j in columns[name]])
        best = reach.argmax(axis=1)
        right += len(set(best[reach.max(axis=1) >= overlap].tolist()))
    return 2 * right / (len(predicted) + len(truth))


def edit_score(a: Sequence[Span], b: Sequence[Span]) -> float | None:
    """Segmental edit score of Lea et al.: whether the same things happen in the same order, whenever they do.

    Args:
        a: one side's segments, in any order.
        b: the other's.

    Returns:
        1 - Levenshtein distance of the two sequences of names / length of the longer one, 0 to 1 (published as per
        cent). None when both sides are empty.
    """
    if not a and not b:
        return None
    names: dict[Hashable, int] = {}
    first, second = (
        np.array([names.setdefault(span.name, len(names)) for span in sorted(side, key=lambda s: (s.start, s.end))])
        for side in (a, b)
    )
    # Wagner and Fischer's table row by row; the running minimum carries insertions along a row.
    places = np.arange(len(second) + 1)
    row = places.copy()
    for n, name in enumerate(first, start=1):
        kept = np.concatenate([[n], np.minimum(row[1:] + 1, row[:-1] + (second != name))])
        row = np.minimum.accumulate(kept - places) + places
    return 1.0 - float(row[-1]) / max(len(first), len(second))


def cohen_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Agreement of two sequences of names beyond chance.

    Args:
        a: one person's name for each unit of time, None where there is none; that counts as a name.
        b: the other's, as long.

    Returns:
        1 for full agreement, 0 for chance, below 0 for less; 1 when both use one and the same name throughout, None
        for empty sequences.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"The sequences have {len(a)} and {len(b)} units; kappa compares unit by unit.")
    numbers: dict[Hashable, int] = {}
    return kappa_of_codes(*(np.array([numbers.setdefault(x, len(numbers)) for x in side], np.int64) for side in (a, b)))


def kappa_of_codes(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float | None:
    """Cohen's kappa of names given as numbers: as `cohen_kappa`, quick enough for an hour of frames.

    Args:
        a: (n,) int64, 0 or above.
        b: likewise.
    """
    if not len(a):
        return None
    observed = float((a == b).mean())
    size = int(max(a.max(), b.max())) + 1
    expected = float(np.bincount(a, minlength=size) @ np.bincount(b, minlength=size)) / len(a) ** 2
    return (observed - expected) / (1 - expected) if expected < 1 else 1.0


def names_by_frame(spans: Sequence[Span], *, start: int, end: int) -> list[Hashable]:
    """The name on each frame of [start, end), None where there is none; where segments overlap the later one's."""
    names: list[Hashable] = [None] * (end - start)
    for span in sorted(spans, key=lambda span: span.start):
        first, last = max(int(span.start), start), min(int(span.end), end)
        names[first - start : max(last, first) - start] = [span.name] * max(0, last - first)
    return names


def _bounds(spans: Sequence[Span]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    both = np.array([span.interval for span in spans], dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _by_name(spans: Sequence[Span]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for place, span in enumerate(spans):
        found[span.name].append(place)
    return found
