"""Where a joint was while it was not seen, or seen wrongly, from where it was before and after.

Piecewise cubic Hermite interpolation over the times of presentation, with slopes that never overshoot (PCHIP: Fritsch
and Carlson 1980, "Monotone piecewise cubic interpolation"; slopes after Fritsch and Butland 1984, as scipy has them). A
straight line would put a corner at both ends, a spline would swing beyond where the joint ever was. Nothing is
extrapolated: a gap has sightings on both sides, or it is not filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from enrichment.errors import EngineInputError

NAME: Final = "pchip"
VERSION: Final = "1"
_ANCHORS: Final = 3  # sightings on either side that shape the path; PCHIP looks no farther than two


@dataclass(frozen=True)
class Filled:
    """frames: (n,) int64, those that were filled. points: (n, 2) float64 pixels. anchors: frames that it is drawn from.

    at_anchors: (anchors, 2) float64, where it was seen on those. confidence: 0-1, the lesser of the two sightings at
    the ends of the gap.
    """

    frames: NDArray[np.int64]
    points: NDArray[np.float64]
    anchors: tuple[int, ...]
    at_anchors: NDArray[np.float64]
    confidence: float


def fill(
    path: NDArray[np.float64], seconds: NDArray[np.float64], span: tuple[int, int], *, longest: float, joint: str
) -> Filled:
    """The path of a joint over frames [start, end), as if it had not been seen there.

    Args:
        path: (frames, 3) float64 x, y in pixels and confidence; NaN where it is not seen.
        seconds: (frames,) presentation times.
        span: start and end; what the path says there is passed over.
        longest: seconds that the sightings on either side may lie apart.
        joint: what to call it in sentences.

    Raises:
        EngineInputError: the frames lie outside, there is no sighting on one side, or the sightings lie too far apart.
    """
    start, end = span
    if not 0 <= start < end <= len(path):
        raise EngineInputError(f"Frames {start} to {end - 1} are not in the clip; it has {len(path)}.")
    known = np.flatnonzero(np.isfinite(path).all(axis=1))
    before, after = known[known < start], known[known >= end]
    for side, found in (("before", before), ("after", after)):
        if not len(found):
            raise EngineInputError(
                f"The {joint} is not surely seen {side} frames {start} to {end - 1}, so there is nothing to "
                "interpolate from; it would have to be guessed."
            )
    apart = float(seconds[after[0]] - seconds[before[-1]])
    if apart > longest:
        raise EngineInputError(
            f"The {joint} is surely seen on frames {before[-1]} and {after[0]} and not between: {apart:.2f} s, and "
            f"{longest:.2f} s is the most over which a path is interpolated. A joint can go anywhere in that time."
        )
    anchors = np.concatenate([before[-_ANCHORS:], after[:_ANCHORS]])
    frames = np.arange(start, end, dtype=np.int64)
    points = PchipInterpolator(seconds[anchors], path[anchors, :2], axis=0)(seconds[frames])
    return Filled(
        frames=frames,
        points=np.asarray(points, dtype=np.float64),
        anchors=tuple(int(each) for each in anchors),
        at_anchors=path[anchors, :2],
        confidence=float(min(path[before[-1], 2], path[after[0], 2])),
    )
