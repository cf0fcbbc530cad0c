"""Action proposals with phases from how a hand or gripper moves: a grammar of strokes, no learning.

A pick and place is a sequence of strokes with a rest between any two: sideways towards the thing (approach), down to
it (pre-grasp), still (grasp), up (lift), sideways (transport), down (place), still (release). People and robots alike
move between rests in smooth strokes (Flash and Hogan 1985), so each frame's velocity is scored for every phase, ends
of phases are drawn to slow frames, and the best sequence is found by dynamic programming over segments (a semi-Markov
Viterbi), the whole pattern as often as it occurs; where nothing moves along, nothing was picked up. Motion that fits
no pattern becomes a segment of unknown action, from energy with hysteresis, cut into strokes where it changes
(strokes.py). "Up" is up in the picture: a camera that looks straight down sees no lift, and the confidences say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from enrichment.engines import rests
from enrichment.engines.motion_features import MotionSeries
from enrichment.engines.strokes import contact, strokes

NAME: Final = "motion-grammar"
VERSION: Final = "5"

PHASES: Final = ("approach", "pre-grasp", "grasp", "lift", "transport", "place", "release")
_RESTS: Final = frozenset({"grasp", "release"})
ACTION: Final = "pick_and_place"
UNKNOWN: Final = ""
_LEAST_PEAK: Final = 0.1  # of the usual speed: between slower peaks nothing rests

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class ActionParameters:
    """Durations in seconds; scores are natural logarithms of likelihood ratios per frame."""

    shortest_phase: float = 0.12
    longest_phase: float = 4.0
    smoothing: float = 0.04
    rest: float = 0.15  # share of the usual stroke speed below which the hand is at rest
    slow_boundary: float = 10.0  # how strongly boundaries are drawn to slow frames
    stroke_peak: float = 0.3  # a stroke reaches at least this share of the usual speed …
    weak_stroke: float = 8.0  # … or loses up to this much
    rest_inside: float = 10.0  # what a full rest in the middle of a stroke costs
    pattern_cost: float = 6.0  # what a whole pattern must earn over "something else"
    least_sure: float = 0.3  # a pattern with a phase below this confidence is no pattern
    least_carried: float = 0.2  # of the time from lift to place a thing moves along, where things are known at all
    shortest_unknown: float = 0.4
    least_speed: float = 0.045  # usual stroke speed, diagonals of the picture per second; below it nothing happens


@dataclass(frozen=True)
class ActionSegment:
    """Frames [start, end) in which one thing is done.

    level: "task" or "primitive". action_class: a key of the starter taxonomy, empty when unknown. phase: one of PHASES,
    empty for tasks and the unknown. confidence: that all of it is so, 0-1. target: track id of what is handled, or
    None. descriptions: three different sentences. action_confidence, phase_confidence: of each alone, 0-1, where they
    were chosen apart; None where not.
    """

    start: int
    end: int
    level: str
    action_class: str
    phase: str
    confidence: float
    target: int | None
    descriptions: tuple[str, str, str]
    action_confidence: float | None = None
    phase_confidence: float | None = None


def propose(
    series: MotionSeries, fps: float, names: dict[int, str] | None = None, parameters: ActionParameters | None = None
) -> list[ActionSegment]:
    """Propose action segments.

    Args:
        series: features of the clip.
        fps: frames per second.
        names: what to call tracks in descriptions; without a name a thing is "the object".
        parameters: see `ActionParameters`.

    Returns:
        Segments by start, a task before its phases. Empty when nothing moves.
    """
    settings = parameters or ActionParameters()
    if len(series) < 8:
        return []
    velocity = smoothed_velocity(series, fps, settings.smoothing)
    speed = np.linalg.norm(velocity, axis=1)
    usual = usual_speed(speed)
    if usual < settings.least_speed / fps * float(np.hypot(*series.size)):
        return []
    scores = _phase_scores(velocity, usual, settings)
    patterns = _best_patterns(scores, speed / usual, fps, settings)
    patterns = [bounds for bounds in patterns if min(_sureness(bounds, scores)) >= settings.least_sure]
    held = contact(series, velocity, usual, fps)
    if len(series.tracks):
        patterns = [bounds for bounds in patterns if _carried(bounds, held) >= settings.least_carried]
    found: list[ActionSegment] = []
    for bounds in patterns:
        found.extend(_segments_of(bounds, scores, series, names or {}))
    found.extend(_unknown(series, velocity, held, usual, patterns, fps, settings))
    return sorted(found, key=lambda each: (each.start, each.level != "task", each.end))


def smoothed_velocity(series: MotionSeries, fps: float, seconds: float) -> NDArray[np.float64]:
    """Velocity of the far end, (n, 2) float64 pixels per frame: outliers of one frame removed, then smoothed.

    Args:
        series: features of the clip.
        fps: frames per second.
        seconds: standard deviation of the Gaussian.
    """
    steady = median_filter(np.asarray(series.velocity, dtype=np.float64), size=(3, 1), mode="nearest")
    return np.asarray(gaussian_filter1d(steady, max(0.5, seconds * fps), axis=0, mode="nearest"), dtype=np.float64)


def usual_speed(speed: NDArray[np.float64]) -> float:
    """The speed of a usual stroke, pixels per frame: the upper quartile of the frames with a tenth of the top speed.

    Args:
        speed: (n,) float64.
    """
    top = float(np.quantile(speed, 0.98))
    moving = speed[speed > 0.1 * top]
    return float(np.quantile(moving, 0.75)) if len(moving) else 0.0


def _phase_scores(velocity: NDArray[np.float64], usual: float, settings: ActionParameters) -> Scores:
    """(7, n) log likelihood ratio of each phase against something else."""
    speed = np.linalg.norm(velocity, axis=1)
    still = np.exp(-((speed / (settings.rest * usual)) ** 2))
    moving = 1.0 - still
    along_x, along_y = (velocity / np.maximum(speed, 1e-6)[:, None]).T
    up, down, side = np.clip(-along_y, 0, 1), np.clip(along_y, 0, 1), np.abs(along_x)
    likelihood = {
        "approach": moving * 0.55,
        "pre-grasp": moving * (0.15 + 0.65 * down),
        "grasp": still,
        "lift": moving * (0.15 + 0.65 * up),
        "transport": moving * (0.5 + 0.25 * side),
        "place": moving * (0.15 + 0.65 * down),
        "release": still,
    }
    # Directions are weak evidence, because a stroke into the depth of the picture seems to go up: rests weigh more.
    stacked = np.stack([likelihood[phase] for phase in PHASES])
    return np.asarray(np.log(np.maximum(stacked, 0.04) / 0.3), dtype=np.float64)


def _best_patterns(
    scores: Scores, pace: NDArray[np.float64], fps: float, settings: ActionParameters
) -> list[list[int]]:
    """Bounds (8 frame numbers) of every whole pattern in the best explanation of the clip; pace is speed over usual."""
    phases, count = scores.shape
    shortest = max(2, round(settings.shortest_phase * fps))
    longest = max(shortest + 1, round(settings.longest_phase * fps))
    summed = np.concatenate([np.zeros((phases, 1)), np.cumsum(scores, axis=1)], axis=1)
    slow = -settings.slow_boundary * np.minimum(1.0, pace)
    at_bound = np.concatenate([slow, slow[-1:]])
    rested = np.concatenate([[0.0], np.cumsum(settings.rest_inside * rests.depths(pace, _LEAST_PEAK))])
    # outside[t]: best score of frames [0, t) with no pattern open; inside[p, t]: with phase p ended exactly at t.
    outside = np.zeros(count + 1)
    closed_at = np.full(count + 1, -1)
    inside = np.full((phases, count + 1), -np.inf)
    begun = np.zeros((phases, count + 1), dtype=np.int64)
    for t in range(1, count + 1):
        outside[t] = outside[t - 1]
        low, high = max(0, t - longest), t - shortest + 1
        if high <= low:
            continue
        starts = np.arange(low, high)
        peak = np.maximum.accumulate(pace[low:t][::-1])[::-1][: high - low]
        weak = settings.weak_stroke * np.minimum(0.0, peak / settings.stroke_peak - 1.0)
        # Two frames at either end belong to the rest between two strokes.
        weak -= np.maximum(0.0, rested[max(0, t - 2)] - rested[np.minimum(starts + 3, count)])
        for p in range(phases):
            entered = outside[starts] - settings.pattern_cost if p == 0 else inside[p - 1, starts]
            value = entered + at_bound[starts] + summed[p, t] - summed[p, starts]
            if PHASES[p] not in _RESTS:
                value = value + weak
            best = int(np.argmax(value))
            inside[p, t], begun[p, t] = value[best], starts[best]
        if inside[phases - 1, t] + at_bound[t] > outside[t]:
            outside[t] = inside[phases - 1, t] + at_bound[t]
            closed_at[t] = t
    return _trace_back(closed_at, begun, count)


def _trace_back(closed_at: NDArray[np.int64], begun: NDArray[np.int64], count: int) -> list[list[int]]:
    patterns: list[list[int]] = []
    t = count
    while t > 0:
        if closed_at[t] != t:
            t -= 1
            continue
        bounds = [t]
        for p in reversed(range(len(begun))):
            bounds.append(int(begun[p, bounds[-1]]))
        patterns.append(bounds[::-1])
        t = bounds[-1]
    return patterns[::-1]


def _segments_of(bounds: list[int], scores: Scores, series: MotionSeries, names: dict[int, str]) -> list[ActionSegment]:
    target = handled(series, bounds[0], bounds[-1])
    what = names.get(target, "object") if target is not None else "object"
    sure = _sureness(bounds, scores)
    found = []
    for k, phase in enumerate(PHASES):
        start, end = bounds[k], bounds[k + 1]
        found.append(
            ActionSegment(
                series.first + start,
                series.first + end,
                "primitive",
                ACTION,
                phase,
                round(sure[k], 3),
                target,
                _describe(phase, what),
            )
        )
    together = round(float(np.prod(sure) ** (1.0 / len(sure))), 3)
    first, last = series.first + bounds[0], series.first + bounds[-1]
    task = ActionSegment(first, last, "task", ACTION, "", together, target, _describe("", what))
    return [task, *found]


def _sureness(bounds: list[int], scores: Scores) -> list[float]:
    """Confidence of each phase of a pattern, 0..1: the logistic of twice its mean log likelihood ratio."""
    means = [float(scores[k, bounds[k] : bounds[k + 1]].mean()) for k in range(len(PHASES))]
    return [float(1.0 / (1.0 + np.exp(-2.0 * mean))) for mean in means]


def _carried(bounds: list[int], held: NDArray[np.float64]) -> float:
    """The share of the time between lift and release in which something moves along, 0..1."""
    first, last = PHASES.index("lift"), PHASES.index("release")
    return float(held[bounds[first] : bounds[last]].mean())


def handled(series: MotionSeries, start: int, end: int) -> int | None:
    """The track that changed its place most in rows [start, end), if any moved by more than 4 % of the diagonal.

    Args:
        series: features of the clip.
        start: first row.
        end: row after the last.
    """
    best, farthest = None, 0.04 * float(np.hypot(*series.size))
    for number, path in zip(series.tracks, series.centres[:, start:end], strict=True):
        seen = path[np.isfinite(path).all(axis=1)]
        if len(seen) < 5:
            continue
        way = float(np.linalg.norm(np.median(seen[-5:], axis=0) - np.median(seen[:5], axis=0)))
        if way > farthest:
            best, farthest = int(number), way
    return best


def _unknown(
    series: MotionSeries,
    velocity: NDArray[np.float64],
    held: NDArray[np.float64],
    usual: float,
    patterns: list[list[int]],
    fps: float,
    settings: ActionParameters,
) -> list[ActionSegment]:
    """Motion that no pattern explains: what is done is not known, but where it changes and what goes along."""
    found: list[ActionSegment] = []
    for start, end in _busy(np.linalg.norm(velocity, axis=1), usual, patterns, fps):
        if end - start < settings.shortest_unknown * fps:
            continue
        target = handled(series, start, end)
        confidence = 0.35 if target is None else 0.45
        words = _describe("unknown", "object")
        first, last = series.first + start, series.first + end
        found.append(ActionSegment(first, last, "task", UNKNOWN, "", confidence, target, words))
        pieces = strokes(
            velocity[start:end],
            held[start:end],
            series.directions[start:end],
            usual,
            fps,
            shortest=settings.shortest_phase,
            rest=settings.rest,
        )
        for stroke in pieces:
            lies = (first + stroke.start, first + stroke.end)
            said = _describe(stroke.phase, "object")
            found.append(ActionSegment(*lies, "primitive", UNKNOWN, stroke.phase, stroke.confidence, target, said))
    return found


def _busy(speed: NDArray[np.float64], usual: float, patterns: list[list[int]], fps: float) -> Iterator[tuple[int, int]]:
    """Rows [start, end) of motion outside of patterns: on above a quarter of the usual speed, off below a tenth."""
    busy = np.asarray(gaussian_filter1d(speed, max(1.0, 0.15 * fps), mode="nearest"))
    free = np.ones(len(busy), dtype=bool)
    for bounds in patterns:
        # Reaching in and drawing back belong to the task next to them.
        free[max(0, bounds[0] - round(0.5 * fps)) : bounds[-1] + round(1.5 * fps)] = False
    start: int | None = None
    for t in range(len(busy) + 1):
        on = t < len(busy) and free[t] and busy[t] > (0.10 if start is not None else 0.25) * usual
        if on and start is None:
            start = t
        elif not on and start is not None:
            yield start, t
            start = None


def _describe(phase: str, what: str) -> tuple[str, str, str]:
    """Three different sentences for a phase, a task (empty) or something unknown."""
    first, second, third = _TEMPLATES[phase]
    return first.format(what=what), second.format(what=what), third.format(what=what)


_TEMPLATES: Final[dict[str, tuple[str, str, str]]] = {
    "": (
        "Pick up the {what} and set it down elsewhere.",
        "Take the {what} from where it is and put it in another place.",
        "Move the {what} to its new place.",
    ),
    "approach": (
        "Move towards the {what}.",
        "Reach for the {what}.",
        "Bring the fingers close to the {what}.",
    ),
    "pre-grasp": (
        "Come down over the {what} with open fingers.",
        "Line the fingers up with the {what}.",
        "Lower the open hand around the {what}.",
    ),
    "grasp": (
        "Close the fingers on the {what}.",
        "Take hold of the {what}.",
        "Grip the {what} firmly.",
    ),
    "lift": (
        "Lift the {what} off the surface.",
        "Raise the {what}.",
        "Pick the {what} up.",
    ),
    "transport": (
        "Carry the {what} to its destination.",
        "Move the {what} across without setting it down.",
        "Bring the held {what} to where it shall go.",
    ),
    "place": (
        "Lower the {what} to its place.",
        "Set the {what} down.",
        "Put the {what} down gently.",
    ),
    "release": (
        "Let go of the {what}.",
        "Open the fingers and free the {what}.",
        "Release the {what}.",
    ),
    "unknown": (
        "Handle something on the surface.",
        "Move the hand over the things on the surface.",
        "Do something with what lies there.",
    ),
}
