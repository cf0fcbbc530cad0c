"""The segmental scores as their authors publish them: from one name a frame. Written from the papers' definitions.

The shape follows the evaluation that goes with Lea et al. 2017 and Farha and Gall, "MS-TCN", CVPR 2019: segments are
read off the frames, a prediction takes the true segment of its name that it overlaps most, per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def segments_of(frames: Sequence[str], background: str = "background") -> list[tuple[str, int, int]]:
    """(name, first frame, frame after the last) of every run of one name but the background's."""
    found, at = [], 0
    for name, run in groupby(frames):
        length = len(list(run))
        if name != background:
            found.append((name, at, at + length))
        at += length
    return found


def edit_score(recognised: Sequence[str], truth: Sequence[str]) -> float:
    p = [name for name, _, _ in segments_of(recognised)]
    y = [name for name, _, _ in segments_of(truth)]
    table = [[0] * (len(y) + 1) for _ in range(len(p) + 1)]
    for i in range(len(p) + 1):
        table[i][0] = i
    for j in range(len(y) + 1):
        table[0][j] = j
    for j in range(1, len(y) + 1):
        for i in range(1, len(p) + 1):
            if y[j - 1] == p[i - 1]:
                table[i][j] = table[i - 1][j - 1]
            else:
                table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + 1)
    return (1 - table[-1][-1] / max(len(p), len(y))) * 100


def f1(recognised: Sequence[str], truth: Sequence[str], overlap: float) -> float:
    said, true = segments_of(recognised), segments_of(truth)
    tp, fp, hits = 0, 0, [False] * len(true)
    for name, start, end in said:
        reach = []
        for other, begin, stop in true:
            intersection = min(end, stop) - max(start, begin)
            union = max(end, stop) - min(start, begin)
            reach.append(intersection / union if name == other else 0.0)
        best = max(range(len(reach)), key=reach.__getitem__) if reach else -1
        if best >= 0 and reach[best] >= overlap and not hits[best]:
            tp += 1
            hits[best] = True
        else:
            fp += 1
    fn = len(true) - sum(hits)
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    return 200 * precision * recall / (precision + recall) if precision + recall else 0.0
