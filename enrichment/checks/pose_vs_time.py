"""Joints against time: a wrist cannot be 30 cm further on in the next frame at 30 fps, nor tremble at 15 Hz [V2].

Works on any trajectory in metres, or in pixels with a scale. A jump is a speed beyond what an arm can do, after missing
frames are counted; the frame to blame is told from its neighbours by leaving it out. Jitter is the residual against a
local cubic fit (Savitzky and Golay 1964), which leaves real motion alone. It takes seven pictures in 0.3 seconds: at 21
frames a second and below, jumps are looked for and jitter is not (`lacking`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.registry import Check, Finding, Measure, merge, plain, register, series
from enrichment.parameters import refuse_beyond

NAME: Final = "pose_vs_time"
_FIT: Final = 3  # degree: a hand that starts and stops within the window bends its path twice
# Of a window in which jitter is told: few samples of a quick hand turn as often as trembling does, and over many its
# own bends are more than the fit can follow, while the slightest noise makes it turn.
_LEAST_SAMPLES: Final = 7
_MOST_SAMPLES: Final = 9


@dataclass(frozen=True)
class Inputs:
    """One joint of one person, hand or gripper.

    joint: its name. track_id: whose. positions: (frames, 2 or 3) float, NaN where it is not known, in metres, or in
    pixels when `pixels_per_metre` is given ((frames,) or one number). seconds: (frames,) presentation times.
    first_frame: number of the first row. pixels: (frames, 2), where to draw it, or None when `positions` are pixels.
    """

    joint: str
    track_id: int
    positions: NDArray[np.float64]
    seconds: NDArray[np.float64]
    first_frame: int = 0
    pixels_per_metre: NDArray[np.float64] | float | None = None
    pixels: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Thresholds:
    """Speeds in metres a second, lengths in metres, jitter_window in seconds."""

    fastest: float = 7.0  # a fast human reach peaks near 4 m/s, a robot's tool near 2; 30 cm in 1/30 s is 9
    least_jump: float = 0.10
    jitter: float = 0.012  # root mean square off a smooth path, over a window
    jitter_window: float = 0.3  # at most; at high frame rates nine frames are enough
    merge_gap: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no length, speed or time."""
        refuse_beyond(self)


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Look for jumps, and for jitter where there are pictures enough, see `lacking`.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start. Evidence: `tracks`, `points`, `vectors` and the series of the speed.
    """
    settings = thresholds or Thresholds()
    metres = _in_metres(inputs)
    known = np.flatnonzero(np.isfinite(metres).all(axis=1))
    if len(known) < 3:
        return []
    jumps, blamed = _jumps(inputs, metres, known, settings)
    steady = np.setdiff1d(known, np.array(sorted(blamed), dtype=known.dtype))
    found = jumps + _jitter(inputs, metres, steady, settings)
    return merge(found, settings.merge_gap, lambda each: each.evidence["kind"], _MEASURES)


def lacking(seconds: NDArray[np.float64], settings: Thresholds) -> str:
    """What is not looked for in a clip whose frames (n,) have these times, and why, in a sentence; empty for nothing.

    Too few pictures a second show no trembling: a quick hand turns as often from one to the next.
    """
    step, window = _step(seconds), _longest_window(settings)
    if len(seconds) < 2 or round(window / step) >= _LEAST_SAMPLES:
        return ""
    least = math.ceil((_LEAST_SAMPLES - 0.5) / window)
    return (
        f"Trembling was not looked for, as {1 / step:.0f} frames a second are too few to show it; it takes {least}. "
        "Everything else was."
    )


def _step(seconds: NDArray[np.float64]) -> float:
    """Seconds from one frame to the next; of fewer than two frames any."""
    return max(1e-3, float(np.median(np.diff(seconds)))) if len(seconds) > 1 else 1.0


def _longest_window(settings: Thresholds) -> float:
    """Seconds in which jitter may be told: a window that is only set too short for the rate is made longer."""
    return max(settings.jitter_window, Thresholds.jitter_window)


def _in_metres(inputs: Inputs) -> NDArray[np.float64]:
    positions = np.asarray(inputs.positions, dtype=np.float64)
    if inputs.pixels_per_metre is None:
        return positions
    scale = np.broadcast_to(np.asarray(inputs.pixels_per_metre, dtype=np.float64), len(positions))
    return positions / scale[:, None]


def _jumps(
    inputs: Inputs, metres: NDArray[np.float64], known: NDArray[np.intp], settings: Thresholds
) -> tuple[list[Finding], set[int]]:
    """Runs of frames that cannot be reached from the last one believed, until the path is back where it can be."""
    found: list[Finding] = []
    blamed: set[int] = set()
    believed = known[0]
    # Should the very first frame be the wrong one, the two after it agree against it.
    wrong_start = _too_far(inputs, metres, known[0], known[1], settings)
    if wrong_start and not _too_far(inputs, metres, known[1], known[2], settings):
        found.append(_jump(inputs, metres, (int(known[1]), int(known[0])), (int(known[0]), int(known[0]) + 1)))
        blamed.add(int(known[0]))
        believed = known[1]
    run_of_bad: list[int] = []
    for frame in known[known > believed]:
        if _too_far(inputs, metres, believed, frame, settings) and len(run_of_bad) < 15:
            run_of_bad.append(int(frame))
            continue
        if run_of_bad:
            span = (run_of_bad[0], run_of_bad[-1] + 1)
            found.append(_jump(inputs, metres, (int(believed), run_of_bad[0]), span))
            blamed.update(run_of_bad)
        run_of_bad = []
        believed = frame
    if run_of_bad:
        found.append(_jump(inputs, metres, (int(believed), run_of_bad[0]), (run_of_bad[0], run_of_bad[-1] + 1)))
        blamed.update(run_of_bad)
    return found, blamed


def _too_far(
    inputs: Inputs, metres: NDArray[np.float64], a: np.intp | int, b: np.intp | int, settings: Thresholds
) -> bool:
    way = float(np.linalg.norm(metres[b] - metres[a]))
    time = max(1e-3, float(inputs.seconds[b] - inputs.seconds[a]))
    return way > settings.least_jump and way / time > settings.fastest


def _jump(inputs: Inputs, metres: NDArray[np.float64], between: tuple[int, int], span: tuple[int, int]) -> Finding:
    a, b = between
    way = float(np.linalg.norm(metres[b] - metres[a]))
    time = abs(float(inputs.seconds[b] - inputs.seconds[a]))
    when = "earlier" if a < b else "later"
    reason = (
        f"In frame {inputs.first_frame + b} the {inputs.joint} of track {inputs.track_id} is {100 * way:.0f} cm away "
        f"from where it is {time * 1000:.0f} ms {when}: {way / max(1e-3, time):.0f} m/s, faster than an arm can move."
    )
    evidence = _evidence(inputs, metres, "jump", span, way / max(1e-3, time))
    drawn = _drawn_at(inputs)
    if drawn is not None and np.isfinite(drawn[[a, b]]).all():
        by = drawn[b] - drawn[a]
        evidence["vectors"] = [
            {"frame": inputs.first_frame + b, "at": plain(drawn[a]), "by": plain(by), "kind": "mask"}
        ]
    return Finding(NAME, inputs.first_frame + span[0], inputs.first_frame + span[1], 3, reason, evidence)


def _jitter(
    inputs: Inputs, metres: NDArray[np.float64], known: NDArray[np.intp], settings: Thresholds
) -> list[Finding]:
    times = np.asarray(inputs.seconds, dtype=np.float64)
    if lacking(times, settings):
        return []
    step = _step(times)
    window = min(_MOST_SAMPLES, max(_LEAST_SAMPLES, round(settings.jitter_window / step)))
    if window > len(known):
        return []
    found = []
    for at in range(0, len(known) - window + 1, window // 2):
        rows = known[at : at + window]
        if rows[-1] - rows[0] > 2 * window:
            continue
        centred = times[rows] - times[rows].mean()
        design = np.stack([centred**power for power in range(_FIT + 1)], axis=1)
        fitted, *_ = np.linalg.lstsq(design, metres[rows], rcond=None)
        # The fit took as many of the window's degrees of freedom as it has terms.
        left = np.linalg.norm(metres[rows] - design @ fitted, axis=1)
        rms = float(np.sqrt((left**2).sum() / (window - _FIT - 1)))
        # A hard stop is no trembling: that leaves its residual on one side, trembling crosses over and over.
        wiggle = np.diff(metres[rows], n=2, axis=0)
        turns = float((np.sum(wiggle[1:] * wiggle[:-1], axis=1) < 0).mean())
        if rms > settings.jitter and turns > 0.6:
            span = (int(rows[0]), int(rows[-1]) + 1)
            reason = (
                f"In frames {inputs.first_frame + span[0]} to {inputs.first_frame + span[1] - 1} the {inputs.joint} of "
                f"track {inputs.track_id} trembles by {1000 * rms:.0f} mm from frame to frame; "
                f"{1000 * settings.jitter:.0f} mm is the limit."
            )
            evidence = _evidence(inputs, metres, "jitter", span, rms)
            found.append(Finding(NAME, inputs.first_frame + span[0], inputs.first_frame + span[1], 2, reason, evidence))
    return found


def _evidence(
    inputs: Inputs, metres: NDArray[np.float64], kind: str, span: tuple[int, int], measure: float
) -> dict[str, Any]:
    first, last = max(0, span[0] - 8), min(len(metres), span[1] + 8)
    steps = np.linalg.norm(np.diff(metres[first:last], axis=0), axis=1)
    speed = steps / np.maximum(1e-3, np.diff(inputs.seconds[first:last]))
    drawn = _drawn_at(inputs)
    points = []
    if drawn is not None:
        points = [
            {"frame": inputs.first_frame + k, "at": plain(drawn[k])}
            for k in range(*span)
            if np.isfinite(drawn[k]).all()
        ]
    return {
        "kind": kind,
        "tracks": [inputs.track_id],
        "joint": inputs.joint,
        "label": inputs.joint,
        "keypoints": [inputs.joint.replace(" ", "_")],
        "measure": round(measure, 4),
        "points": points,
        "series": [series("speed", "m/s", inputs.first_frame + first + 1, _finite(speed))],
    }


def _drawn_at(inputs: Inputs) -> NDArray[np.float64] | None:
    if inputs.pixels is not None:
        return np.asarray(inputs.pixels, dtype=np.float64)
    return np.asarray(inputs.positions, dtype=np.float64) if inputs.pixels_per_metre is not None else None


def _finite(values: NDArray[np.float64]) -> Sequence[float]:
    return [float(value) for value in np.nan_to_num(values, nan=0.0)]


_MEASURES: Final = {
    "jump": Measure("speed of a joint", "m/s", "fastest"),
    "stretch": Measure("length of a bone by its usual one", "", "stretch"),
    "gap": Measure("time that a joint is lost", "s", "longest_unseen", above=False),
    "jitter": Measure("trembling, root mean square", "m", "jitter"),
}
CHECK: Final = register(Check(NAME, "V2", "Pose against time", ("pose",), Thresholds(), run, _MEASURES))
