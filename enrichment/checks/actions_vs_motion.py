"""Action labels against motion: a grasp is a rest before something moves, a lift goes up, a carry moves [V4].

Each labelled phase is compared with how the far end of the hand or gripper moves (`motion_features`). Speeds are
judged against the usual stroke of the clip, so the rules hold for slow robots and quick hands. The engine that proposes
actions reads the same motion, but nothing here looks at what it proposed.

The surest witness of a grasp is the thing that it takes: it lies still until then. How things move takes masks of them,
on key frames at least (`observed_motion.observe`); without any, less is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carries import Carry, carries_of
from enrichment.checks.observed_motion import Observed
from enrichment.checks.registry import Check, Finding, plain, register, series
from enrichment.engines.motion_actions import smoothed_velocity, usual_speed
from enrichment.engines.motion_features import MotionSeries
from enrichment.parameters import refuse_beyond

NAME: Final = "actions_vs_motion"


@dataclass(frozen=True)
class Labelled:
    """A labelled segment: frames [start, end), its id as JSON can hold it, action class and phase ("" for none)."""

    id: int | str
    start: int
    end: int
    action: str
    phase: str


@dataclass(frozen=True)
class Inputs:
    """Segments, the motion of the clip, its frame rate and, where they are known, things and the gripper's opening.

    motion: as `motion_features` or `observed_motion.observe` gives it. things: as `observed_motion.Observed` has them,
    (frames, 2) velocities by track number; empty when there are no masks. guided: as Observed has it, (frames,) bool,
    by the masks that told `motion`; None when that surely follows the hand or gripper. opening: (frames,) float from
    frame `motion.first` on, any unit, NaN where unknown; None when nothing measures it.
    """

    segments: Sequence[Labelled]
    motion: MotionSeries
    fps: float
    opening: NDArray[np.float64] | None = None
    things: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    guided: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        segments: Sequence[Labelled],
        observed: Observed,
        fps: float,
        opening: NDArray[np.float64] | None = None,
    ) -> Inputs:
        """Segments against what `observed_motion.observe` saw."""
        return cls(segments, observed.motion, fps, opening, observed.things, observed.guided)


@dataclass(frozen=True)
class Thresholds:
    """Paces are speeds over the clip's usual stroke speed; times in seconds."""

    moving_pace: float = 0.35  # faster than this is no rest
    restless_share: float = 0.5  # of a grasp or release in motion
    still_pace: float = 0.12  # slower than this is no stroke
    still_share: float = 0.85  # of a lift, carry or placing at rest
    least_rise: float = 0.2  # of a lift's way that leads upward, net
    tolerance: float = 0.25  # a boundary lies at most so far from the rest it belongs to, a stroke from its label
    carried_pace: float = 0.15  # faster than this a thing is carried
    carried_way: float = 0.04  # so far at least, shares of the picture's diagonal
    carried_time: float = 0.25  # and for so long
    carried_gap: float = 0.3  # a rest shorter than this does not end a carry
    moved_before: float = 0.015  # of the diagonal: what a thing may have moved when its grasp begins
    moved_after: float = 0.03  # … and may still move when its release has ended
    belongs: float = 1.5  # a carry that begins or ends longer ago is not the label's
    least_closing: float = 0.1  # of the opening, during a grasp
    shortest: float = 0.12  # shorter segments say too little
    least_speed: float = 0.045  # usual stroke speed, diagonals of the picture per second
    context: float = 1.0  # shown before and after

    def __post_init__(self) -> None:
        """Refuse what is no pace, time or share."""
        refuse_beyond(self, shares=("restless_share", "still_share", "least_rise", "least_closing"))


_RESTS: Final = {"grasp": "grasp", "release": "release"}
_STROKES: Final = ("approach", "lift", "transport", "place")


@dataclass(frozen=True)
class _Motion:
    """What the rules look at; rows are frames from `first`."""

    first: int
    fps: float
    velocity: NDArray[np.float64]
    pace: NDArray[np.float64]
    tip: NDArray[np.float32]
    opening: NDArray[np.float64] | None
    carries: Sequence[Carry]
    diagonal: float
    guided: NDArray[np.bool_]
    clear: bool  # strokes stand out from what a swaying camera leaves behind

    def follows_hand(self, start: int, end: int) -> bool:
        """Whether masks told what the hand or gripper is in most of these rows."""
        return bool(self.guided[start:end].mean() >= 0.5)


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Compare every labelled phase with the motion.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start, at most one for a segment. Evidence: `segments`, `series` of speed, rise and opening,
        `points` and `vectors` of the far end.
    """
    settings = thresholds or Thresholds()
    velocity = smoothed_velocity(inputs.motion, inputs.fps, 0.04)
    speed = np.linalg.norm(velocity, axis=1)
    diagonal = float(np.hypot(*inputs.motion.size))
    # A clip in which nothing moves has no usual stroke; against the least one every label of a motion is contradicted.
    measured, least = usual_speed(speed), settings.least_speed / inputs.fps * diagonal
    usual = max(measured, least)
    carries = carries_of(
        inputs.things,
        least_speed=settings.carried_pace * usual,
        least_way=settings.carried_way * diagonal,
        least_rows=round(settings.carried_time * inputs.fps),
        longest_gap=round(settings.carried_gap * inputs.fps),
    )
    pace = speed / usual
    guided = np.ones(len(pace), dtype=np.bool_) if inputs.guided is None else inputs.guided
    motion = _Motion(
        inputs.motion.first,
        inputs.fps,
        velocity,
        pace,
        inputs.motion.tip,
        inputs.opening,
        carries,
        diagonal,
        guided,
        measured >= 2 * least,
    )
    found = []
    for segment in inputs.segments:
        start, end = segment.start - motion.first, segment.end - motion.first
        if not segment.phase or start < 0 or end > len(speed) or end - start < settings.shortest * inputs.fps:
            continue
        verdict = _judge(segment.phase, start, end, motion, settings)
        if verdict is not None:
            reason = f"The {segment.phase} of frames {segment.start} to {segment.end - 1} {verdict.said}"
            evidence = _evidence(verdict, segment, start, end, motion, settings)
            found.append(Finding(NAME, segment.start, segment.end, verdict.severity, reason, evidence))
    return sorted(found, key=lambda each: (each.start, each.end))


@dataclass(frozen=True)
class _Verdict:
    """What is wrong with a segment; `said` ends the sentence, `carry` is the thing whose motion says so."""

    kind: str
    severity: int
    said: str
    carry: Carry | None = None


def _judge(phase: str, start: int, end: int, motion: _Motion, settings: Thresholds) -> _Verdict | None:
    """What is wrong with a phase in rows [start, end); None if nothing."""
    if phase in _RESTS:
        verdict = (_judge_taking if phase == "grasp" else _judge_letting_go)(start, end, motion, settings)
        if verdict is not None:
            return verdict
    # Without masks the hand is whatever moves most; in a picture that sways that is anything.
    if not motion.clear and not motion.follows_hand(start, end):
        return None
    if phase in _RESTS:
        return _judge_rest(phase, start, end, motion, settings)
    if phase not in _STROKES:
        return None
    windows = list(_windows(start, end, motion, settings))
    still = min(float((motion.pace[a:b] < settings.still_pace).mean()) for a, b in windows)
    if still > settings.still_share:
        speed = _speed(motion, start, end)
        return _Verdict(
            "no_motion",
            2,
            f"stands still in {still:.0%} of its frames: {speed:.1f} px per frame, where a {phase} moves.",
        )
    # Where nothing tells the hand from its shadow or from what it pushes, there is no saying where it goes.
    if phase != "lift" or not motion.follows_hand(start, end):
        return None
    rises = [_rise(motion, a, b) for a, b in windows]
    if all(rise < settings.least_rise * way for rise, way in rises):
        rise, way = _rise(motion, start, end)
        upward = f"rises by {rise:.0f}" if rise >= 0 else f"sinks by {-rise:.0f}"
        return _Verdict("no_rise", 2, f"{upward} px on a way of {way:.0f} px, where a lift leads up.")
    return None


def _windows(start: int, end: int, motion: _Motion, settings: Thresholds) -> Iterator[tuple[int, int]]:
    """The rows of a segment, moved by up to the tolerance: people set boundaries a few frames early or late."""
    reach = round(settings.tolerance * motion.fps)
    for moved in range(-reach, reach + 1):
        if start + moved >= 0 and end + moved <= len(motion.pace):
            yield start + moved, end + moved


def _rise(motion: _Motion, start: int, end: int) -> tuple[float, float]:
    """Pixels upward, net, and pixels of way."""
    steps = motion.velocity[start:end]
    return -float(steps[:, 1].sum()), float(np.linalg.norm(steps, axis=1).sum())


def _judge_taking(start: int, end: int, motion: _Motion, settings: Thresholds) -> _Verdict | None:
    """A thing lies still until it is grasped."""
    reach = round(settings.belongs * motion.fps)
    # Something that is taken up when the grasp ends, as it should be, is what is grasped; another hand moves the rest.
    if any(start <= carry.start <= end + reach for carry in motion.carries):
        return None
    for carry in motion.carries:
        moved = carry.way(carry.start, start)
        if start - reach <= carry.start < start < carry.end and moved > settings.moved_before * motion.diagonal:
            ago = (start - carry.start) / motion.fps
            said = (
                f"comes late: when it begins, track {carry.track} has moved {moved:.0f} px since it left its place "
                f"{ago:.1f} s before, in frame {motion.first + carry.start}."
            )
            return _Verdict("already_moving", 3, said, carry)
    return None


def _judge_letting_go(start: int, end: int, motion: _Motion, settings: Thresholds) -> _Verdict | None:
    """A thing stays where it is once it is released."""
    reach = round(settings.belongs * motion.fps)
    if any(start - reach <= carry.end <= end for carry in motion.carries):
        return None
    for carry in motion.carries:
        moves = carry.way(end, carry.end)
        if carry.start < end < carry.end <= end + reach and moves > settings.moved_after * motion.diagonal:
            later = (carry.end - end) / motion.fps
            said = (
                f"comes early: track {carry.track} moves {moves:.0f} px more after it, and comes to rest {later:.1f} s "
                f"later, in frame {motion.first + carry.end}."
            )
            return _Verdict("still_moving", 2, said, carry)
    return None


def _judge_rest(phase: str, start: int, end: int, motion: _Motion, settings: Thresholds) -> _Verdict | None:
    # Where the hand is only guessed, its rests are, too: they may lie a few frames off.
    windows = [(start, end)] if motion.follows_hand(start, end) else _windows(start, end, motion, settings)
    busy = min(float((motion.pace[a:b] > settings.moving_pace).mean()) for a, b in windows)
    if busy > settings.restless_share:
        away = _nearest_rest(start, end, motion, settings)
        nearby = ""
        if away is not None:
            nearby = f" The nearest long rest begins {abs(away):.1f} s {'before' if away < 0 else 'after'} it."
        return _Verdict(
            "no_rest",
            3,
            f"moves in {busy:.0%} of its frames, {_speed(motion, start, end):.1f} px per frame, where a {phase} is a "
            f"drop in speed.{nearby}",
        )
    reach = round(settings.tolerance * motion.fps)
    slowest = float(motion.pace[max(0, start - reach) : start + reach + 1].min())
    if slowest > settings.moving_pace:
        return _Verdict(
            "late_boundary",
            2,
            f"begins in full motion: the hand is nowhere slower than {slowest:.0%} of its usual speed within "
            f"{settings.tolerance:.2f} s.",
        )
    if phase == "grasp" and motion.opening is not None:
        return _judge_closing(start, end, motion, settings)
    return None


def _judge_closing(start: int, end: int, motion: _Motion, settings: Thresholds) -> _Verdict | None:
    """A grasp closes the fingers; when they close elsewhere within a second, the label is misplaced."""
    opening = motion.opening
    if opening is None or not np.isfinite(opening[start:end]).all():
        return None
    widest = float(np.nanmax(opening))
    around = opening[max(0, start - round(motion.fps)) : end + round(motion.fps)]
    closed_here = float(opening[start] - opening[start:end].min())
    closed_near = float(np.nanmax(around) - np.nanmin(around))
    limit = settings.least_closing * widest
    if closed_here < limit <= closed_near:
        return _Verdict(
            "not_closing",
            3,
            f"closes the gripper by {closed_here:.3g}, while it closes by {closed_near:.3g} within a second of it.",
        )
    return None


def _nearest_rest(start: int, end: int, motion: _Motion, settings: Thresholds) -> float | None:
    """Seconds from the start of a segment to the start of the nearest rest that could hold most of it."""
    rest = motion.pace < settings.moving_pace
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rest, [False]]).astype(np.int8)))
    long_enough = 0.7 * (end - start)
    starts = [int(a) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= long_enough]
    if not starts:
        return None
    nearest = min(starts, key=lambda row: abs(row - start))
    return (nearest - start) / motion.fps


def _speed(motion: _Motion, start: int, end: int) -> float:
    return float(np.linalg.norm(motion.velocity[start:end], axis=1).mean())


def _evidence(
    verdict: _Verdict, segment: Labelled, start: int, end: int, motion: _Motion, settings: Thresholds
) -> dict[str, Any]:
    reach = round(settings.context * motion.fps)
    low, high = max(0, start - reach), min(len(motion.pace), end + reach)
    first = motion.first + low
    drawn = [row for row in range(start, end) if np.isfinite(motion.tip[row]).all()]
    curves = [
        series("speed", "px/frame", first, list(np.linalg.norm(motion.velocity[low:high], axis=1))),
        series("rise", "px/frame", first, list(-motion.velocity[low:high, 1])),
    ]
    if motion.opening is not None:
        curves.append(series("opening", "gripper", first, list(motion.opening[low:high])))
    tracks: dict[str, Any] = {}
    if verdict.carry is not None:
        tracks = {"tracks": [verdict.carry.track]}
        curves.insert(0, series(f"track {verdict.carry.track}", "px/frame", first, list(verdict.carry.speed[low:high])))
    return tracks | {
        "kind": verdict.kind,
        "label": segment.phase,
        "segments": [segment.id],
        "range": [segment.start, segment.end],
        "series": curves,
        "points": [{"frame": motion.first + row, "at": plain(motion.tip[row])} for row in drawn],
        "vectors": [
            {
                "frame": motion.first + row,
                "at": plain(motion.tip[row]),
                "by": plain(motion.velocity[row]),
                "kind": "flow",
            }
            for row in drawn
        ],
    }


CHECK: Final = register(
    Check(NAME, "V4", "Actions against motion", ("flow", "segmentation", "actions"), Thresholds(), run)
)
