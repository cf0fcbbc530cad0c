"""How far two people's action segments agree. Intervals are [start, end), in frames or seconds alike.

Sources: Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection", CVPR 2017, for F1@k;
Cohen, "A Coefficient of Agreement for Nominal Scales", 1960, for kappa, taken by time unit as BORIS does.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotation.geometry.intervals import Interval, temporal_iou


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


def match_spans(a: Sequence[Span], b: Sequence[Span]) -> SpanMatching:
    """Pair segments of the same name so that the total temporal IoU is largest; those that do not touch are no pair."""
    gain = np.array([[temporal_iou(x.interval, y.interval) if x.name == y.name else 0.0 for y in b] for x in a])
    pairs = []
    if gain.size:
        rows, columns = linear_sum_assignment(gain, maximize=True)
        pairs = [(int(i), int(j), float(gain[i, j])) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]
    paired_a, paired_b = {i for i, _, _ in pairs}, {j for _, j, _ in pairs}
    return SpanMatching(
        pairs=pairs,
        only_a=[i for i in range(len(a)) if i not in paired_a],
        only_b=[j for j in range(len(b)) if j not in paired_b],
    )


def mean_temporal_iou(matching: SpanMatching) -> float | None:
    """Mean over all segments that either set, 0 for those without a partner; None when there are none."""
    things = len(matching.pairs) + len(matching.only_a) + len(matching.only_b)
    return sum(overlap for _, _, overlap in matching.pairs) / things if things else None


def mean_boundary_error(a: Sequence[Span], b: Sequence[Span], matching: SpanMatching) -> float | None:
    """Mean distance of paired starts and paired ends, in the unit of the spans; None without a pair."""
    errors = [
        distance for i, j, _ in matching.pairs for distance in (abs(a[i].start - b[j].start), abs(a[i].end - b[j].end))
    ]
    return sum(errors) / len(errors) if errors else None


def f1_at(predicted: Sequence[Span], truth: Sequence[Span], *, overlap: float = 0.5) -> float | None:
    """Segmental F1@k: each prediction takes the true segment of its name that it overlaps most.

    Args:
        predicted: one side's segments.
        truth: the other's.
        overlap: temporal IoU from which a prediction is right; k = 50 is 0.5.

    Returns:
        0 to 1; a true segment is taken once, so splitting one costs precision. None when both sides are empty.
    """
    if not predicted and not truth:
        return None
    taken: set[int] = set()
    right = 0
    for span in predicted:
        reach = [temporal_iou(span.interval, other.interval) if span.name == other.name else 0.0 for other in truth]
        best = int(np.argmax(reach)) if reach else -1
        if best >= 0 and reach[best] >= overlap and best not in taken:
            taken.add(best)
            right += 1
    return 2 * right / (len(predicted) + len(truth))


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
    if not a:
        return None
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / len(a)
    often_a, often_b = Counter(a), Counter(b)
    expected = sum(often_a[name] * often_b[name] for name in often_a) / len(a) ** 2
    return (observed - expected) / (1 - expected) if expected < 1 else 1.0


def names_by_frame(spans: Sequence[Span], *, start: int, end: int) -> list[Hashable]:
    """The name on each frame of [start, end), None where there is none; where segments overlap the later one's."""
    names: list[Hashable] = [None] * (end - start)
    for span in sorted(spans, key=lambda span: span.start):
        first, last = max(int(span.start), start), min(int(span.end), end)
        names[first - start : max(last, first) - start] = [span.name] * max(0, last - first)
    return names
