"""Where a series of features changes: optimal partitioning. Arrays only.

The cut of a series into stretches of a constant mean that costs least, each stretch its squared deviation and a fixed
price; found exactly by dynamic programming (Jackson et al., "An Algorithm for Optimal Partitioning of Data on an
Interval", IEEE Signal Processing Letters 2005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def change_points(features: NDArray[np.float64], *, price: float, shortest: int, longest: int) -> list[int]:
    """Cut a series where its mean changes.

    Args:
        features: (n, d) float64, comparable with each other: scaled so that what is noise is about 1.
        price: what another stretch must save in summed squares.
        shortest: frames that a stretch has at least, unless the whole series has fewer.
        longest: frames that it has at most, at least twice `shortest`.

    Returns:
        The first frame of each stretch and n at the end: [0, …, n]; [0, n] when nothing changes, [0] for no frames.
    """
    count = len(features)
    if count == 0:
        return [0]
    sums = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((features**2).sum(axis=1))])
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    came = np.zeros(count + 1, dtype=np.int64)
    for end in range(1, count + 1):
        last = max(0, end - shortest) if end == count else end - shortest
        if last < 0:
            continue
        starts = np.arange(max(0, end - longest), last + 1)
        deviation = squares[end] - squares[starts] - ((sums[end] - sums[starts]) ** 2).sum(axis=1) / (end - starts)
        cost = best[starts] + deviation + price
        came[end], best[end] = starts[int(np.argmin(cost))], float(cost.min())
    bounds = [count]
    while bounds[-1] > 0:
        bounds.append(int(came[bounds[-1]]))
    return bounds[::-1]
