"""Half-open intervals [start, end), of frames or of seconds alike."""

from collections.abc import Iterable, Sequence

Interval = tuple[float, float]


def temporal_iou(a: Interval, b: Interval) -> float:
    """Length of the intersection over length of the union; 0 when both are empty or they only touch."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    total = max(0.0, a[1] - a[0]) + max(0.0, b[1] - b[0]) - shared
    return shared / total if total > 0 else 0.0


def overlap(a: Interval, b: Interval) -> bool:
    """Whether the two share anything; an end that is the other's start shares nothing."""
    return max(a[0], b[0]) < min(a[1], b[1])


def overlaps(intervals: Sequence[Interval]) -> list[tuple[int, int]]:
    """Every pair of indices (i < j) whose intervals overlap."""
    order = sorted(range(len(intervals)), key=lambda index: intervals[index])
    found = []
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            if intervals[second][0] >= intervals[first][1]:
                break
            if overlap(intervals[first], intervals[second]):
                found.append((min(first, second), max(first, second)))
    return sorted(found)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same ground as few intervals as possible, sorted; those that touch become one, empty ones vanish."""
    merged: list[Interval] = []
    for start, end in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def gaps(intervals: Iterable[Interval], within: Interval) -> list[Interval]:
    """What of `within` no interval covers, sorted."""
    free: list[Interval] = []
    at = within[0]
    for start, end in union(intervals):
        if min(start, within[1]) > at:
            free.append((at, min(start, within[1])))
        at = max(at, end)
    if at < within[1]:
        free.append((at, within[1]))
    return free


def length(intervals: Iterable[Interval]) -> float:
    """Total length of the ground covered, overlaps counted once."""
    return sum(end - start for start, end in union(intervals))
