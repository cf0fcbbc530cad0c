"""What a hand does where no known pattern fits: stretches of like motion, and whether it takes something along.

Boundaries are change points over the far end's velocity, its speed and contact; the phase of a stretch follows from
three questions: does the hand move, does something move along with it, and did it before.
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
    velocity: NDArray[np.float64], held: NDArray[np.float64], usual: float, fps: float, *, shortest: float, rest: float
) -> list[Stroke]:
    """Cut a stretch of motion into strokes.

    Args:
        velocity: (n, 2) of the far end, pixels per frame, smoothed.
        held: (n,) contact, 0-1.
        usual: speed of a usual stroke, pixels per frame.
        fps: frames per second.
        shortest: seconds that a stroke lasts at least.
        rest: share of the usual speed below which a stroke is a rest.

    Returns:
        Strokes without gaps, in time.
    """
    speed = np.linalg.norm(velocity, axis=1)
    features = np.column_stack([velocity / usual, speed / usual, 1.5 * held])
    least = max(3, round(shortest * fps))
    # A change pays when it explains a tenth of a second of motion at half the usual speed.
    bounds = change_points(features, price=0.1 * fps * 0.5, shortest=least, longest=max(2 * least, round(6 * fps)))
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
    return _joined(found)


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


def _joined(found: Sequence[Stroke]) -> list[Stroke]:
    """Neighbours of one phase as one stroke; those of none are left out."""
    joined: list[Stroke] = []
    for each in found:
        last = joined[-1] if joined else None
        if last is not None and last.phase == each.phase and last.end == each.start:
            joined[-1] = Stroke(last.start, each.end, each.phase, max(last.confidence, each.confidence))
        elif each.phase:
            joined.append(each)
    return joined
