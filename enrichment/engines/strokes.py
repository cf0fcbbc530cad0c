"""What a hand does where no known pattern fits: stretches of like motion, and whether it takes something along.

Boundaries are change points of a histogram of optical flow by direction (after Laptev et al., "Learning realistic
human actions from movies", CVPR 2008, with the root of Arandjelović and Zisserman, "Three things everyone should know
to improve object retrieval", CVPR 2012) over the whole picture: two hands, or one that opens, change it where the far
end's velocity says nothing. The phase of a stretch follows from three questions: does the hand move, does something
move along with it, and did it before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from enrichment.engines.change_points import change_points
from enrichment.engines.motion_features import MotionSeries

# A thing goes along when its centre is this near the far end (share of the diagonal) …
_NEAR: Final = 0.16
# … moves, and its velocity differs from the far end's by less than this share.
_ALIKE: Final = 0.7
_MOVES: Final = 0.2  # share of the usual speed
_SMOOTHING: Final = 0.05  # seconds, standard deviation
_PAYS: Final = 0.1  # seconds
_TOUCH: Final = 0.6  # of the spread of the directions: what taking hold of a thing or letting go of it differs by
STILL, CARRY, FREE = "still", "transport", "approach"


@dataclass(frozen=True)
class Stroke:
    """Rows [start, end) of a series; confidence is how much the stretch differs from its neighbours, 0-1."""

    start: int
    end: int
    phase: str
    confidence: float


def contact(series: MotionSeries, velocity: NDArray[np.float64], usual: float, fps: float) -> NDArray[np.float64]:
    """(n,) float64, 0-1: how surely a thing moves along with the far end.

    Args:
        series: features of the clip.
        velocity: (n, 2) of the far end, pixels per frame, smoothed.
        usual: speed of a usual stroke, pixels per frame.
        fps: frames per second.
    """
    found = np.zeros(len(series))
    if not len(series.tracks):
        return found
    diagonal = float(np.hypot(*series.size))
    speed = np.linalg.norm(velocity, axis=1)
    wide = max(1.0, 0.06 * fps)
    for path in series.centres.astype(np.float64):
        seen = np.isfinite(path).all(axis=1)
        if seen.sum() < 5:
            continue
        steps = np.zeros_like(path)
        both = seen[1:] & seen[:-1]
        steps[1:][both] = (path[1:] - path[:-1])[both]
        # A mask that jumps to another thing moves no thing.
        steps[np.linalg.norm(steps, axis=1) > 3 * usual] = 0.0
        steps = gaussian_filter1d(steps, wide, axis=0, mode="nearest")
        near = np.linalg.norm(path - series.tip, axis=1) < _NEAR * diagonal
        pace = np.linalg.norm(steps, axis=1)
        alike = np.linalg.norm(steps - velocity, axis=1) < _ALIKE * np.maximum(speed, pace)
        found = np.maximum(found, (seen & near & alike & (pace > _MOVES * usual)).astype(np.float64))
    return np.asarray(gaussian_filter1d(found, wide, mode="nearest"))


def strokes(
    velocity: NDArray[np.float64],
    held: NDArray[np.float64],
    directions: NDArray[np.floating],
    usual: float,
    fps: float,
    *,
    shortest: float,
    rest: float,
) -> list[Stroke]:
    """Cut a stretch of motion into strokes.

    Args:
        velocity: (n, 2) of the far end, pixels per frame, smoothed.
        held: (n,) contact, 0-1.
        directions: (n, 4) motion of the picture to the right, left, down and up, as `MotionSeries` has it.
        usual: speed of a usual stroke, pixels per frame.
        fps: frames per second.
        shortest: seconds that a stroke lasts at least.
        rest: share of the usual speed below which a stroke is a rest.

    Returns:
        Strokes in time. Two that follow each other may have one phase: where motion changes a boundary may belong, and
        a rest that is neither a grasp nor a release is none of them.
    """
    speed = np.linalg.norm(velocity, axis=1)
    features, noise = _comparable(directions, fps)
    features = np.column_stack([features, _TOUCH * held])
    least = max(3, round(shortest * fps))
    # A change pays when it explains as much as a tenth of a second differs on average, and more than noise would
    # (Schwarz's criterion, as in window_segments.py).
    price = _PAYS * fps + 2.0 * features.shape[1] * float(np.log(max(len(features), 2))) * noise
    bounds = change_points(features, price=price, shortest=least, longest=max(2 * least, round(6 * fps)))
    pieces = list(pairwise(bounds))
    means = [features[start:end].mean(axis=0) for start, end in pieces]
    doing = [
        STILL if speed[start:end].mean() < rest * usual else CARRY if held[start:end].mean() > 0.5 else FREE
        for start, end in pieces
    ]
    found = []
    for n, (start, end) in enumerate(pieces):
        within = float(features[start:end].std(axis=0).mean())
        beside = [float(np.linalg.norm(means[n] - means[m])) for m in (n - 1, n + 1) if 0 <= m < len(means)]
        apart = min(beside, default=0.0)
        sure = round(0.2 + 0.35 * apart / (apart + within + 0.2), 3)
        found.append(Stroke(start, end, _phase(doing, n), sure))
    return [each for each in found if each.phase]


def _comparable(directions: NDArray[np.floating], fps: float) -> tuple[NDArray[np.float64], float]:
    """(n, 4) of variance 1 in all, smoothed, and the variance that is noise, from the median step between frames."""
    rooted = np.sqrt(np.asarray(directions, dtype=np.float64))
    smooth = gaussian_filter1d(rooted, max(0.5, _SMOOTHING * fps), axis=0, mode="nearest")
    centred = smooth - smooth.mean(axis=0)
    spread = max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-6)
    steps = np.diff(rooted / spread, axis=0)
    # Half of a squared step is one variance; the median of such squares is 0.455 of their mean.
    noise = float(np.median(steps**2)) / 2 / 0.455 if len(steps) else 0.0
    return centred / spread, noise


def _phase(doing: Sequence[str], n: int) -> str:
    """What moves something carries it, and what does not approaches; a rest before carrying takes hold, after lets go.

    A rest between two strokes that carry belongs to the carrying, one between two that do not is nothing.
    """
    if doing[n] != STILL:
        return doing[n]
    before = next((each for each in reversed(doing[:n]) if each != STILL), "")
    after = next((each for each in doing[n + 1 :] if each != STILL), "")
    if after == CARRY:
        return CARRY if before == CARRY else "grasp"
    return "release" if before == CARRY else ""
