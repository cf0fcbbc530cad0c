"""Rests between strokes: valleys of a speed that are deep against the peaks on both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks


def depths(speed: NDArray[np.float64], least_peak: float) -> NDArray[np.float64]:
    """How complete a rest lies at each frame.

    Args:
        speed: (n,) float64 of any unit, 0 or more.
        least_peak: the lower of the two peaks beside a rest is faster than this, in the unit of the speed.

    Returns:
        (n,) float64 in 0 to 1: 1 where a valley stands still, 0 where it is half as fast as the lower peak or is none.
    """
    found = np.zeros(len(speed))
    valleys, _ = find_peaks(-speed)
    edges = np.concatenate([[0], valleys, [len(speed)]])
    for k, valley in enumerate(valleys, start=1):
        beside = min(float(speed[edges[k - 1] : valley].max()), float(speed[valley : edges[k + 1]].max()))
        if beside > least_peak:
            found[valley] = max(0.0, 1.0 - float(speed[valley]) / (0.5 * beside))
    return found
