"""Joints in space against what a body can do: none bends farther than it goes, or turns faster than it can [V2].

Limits are the ranges of motion of healthy adults (Boone and Azen, "Normal range of motion of joints in male subjects",
1979, and the norms of the American Academy of Orthopaedic Surgeons, 1965), as the angle that is left between the bones.
Straightness is no limit: three points do not say to which side a joint bends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.registry import Check, Finding, Measure, merge, plain, register, series
from enrichment.parameters import refuse_beyond

NAME: Final = "joint_limits"
# The least angle between the bones, degrees: 180 minus the flexion that there is.
_LEAST: Final = (
    (re.compile(r"_elbow$"), 30.0),
    (re.compile(r"_wrist$"), 100.0),
    (re.compile(r"_thumb_2$"), 120.0),
    (re.compile(r"_thumb_3$"), 95.0),
    (re.compile(r"_(index|middle|ring|little)_1$"), 90.0),
    (re.compile(r"_(index|middle|ring|little)_2$"), 70.0),
    (re.compile(r"_(index|middle|ring|little)_3$"), 90.0),
)


@dataclass(frozen=True)
class Inputs:
    """One angle of one person over the clip.

    joint: its name, as joint_angles.py has it. track_id: whose. degrees: (frames,) float, NaN where not known.
    seconds: (frames,). pixels: (frames, 2), where to draw it.
    """

    joint: str
    track_id: int
    degrees: NDArray[np.float64]
    seconds: NDArray[np.float64]
    pixels: NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """tolerance: degrees beyond the limit before it is told; depth is never exact. fastest_turn: degrees a second; fast
    reaching stays below 800. least_frames: a bend must last so long.
    """

    tolerance: float = 15.0
    fastest_turn: float = 1500.0
    least_frames: int = 3
    merge_gap: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no angle, speed or count."""
        refuse_beyond(self, least={"least_frames": 1})


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Look for bends beyond the limit, and for turns that are too quick.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start, of kind `bend` or `turn`. Evidence: `tracks`, `keypoints`, `points`, `label`, `measure`, and
        the series of the angle.
    """
    settings = thresholds or Thresholds()
    found = [*_bends(inputs, settings), *_turns(inputs, settings)]
    return merge(found, settings.merge_gap, lambda each: each.evidence["kind"], _MEASURES)


def least(joint: str) -> float | None:
    """The least angle that a joint allows, degrees; None where there is no limit."""
    return next((limit for pattern, limit in _LEAST if pattern.search(joint)), None)


def _bends(inputs: Inputs, settings: Thresholds) -> list[Finding]:
    limit = least(inputs.joint)
    if limit is None:
        return []
    beyond = np.nan_to_num(inputs.degrees, nan=180.0) < limit - settings.tolerance
    edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.astype(np.int8), [0]])))
    found = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start < settings.least_frames:
            continue
        over = float(limit - inputs.degrees[start:end].min())
        reason = (
            f"In frames {start} to {end - 1} the {_words(inputs.joint)} of track {inputs.track_id} is bent to "
            f"{limit - over:.0f} degrees; {limit:.0f} is as far as one goes."
        )
        found.append(Finding(NAME, start, end, 2, reason, _evidence(inputs, "bend", (start, end), over)))
    return found


def _turns(inputs: Inputs, settings: Thresholds) -> list[Finding]:
    known = np.flatnonzero(np.isfinite(inputs.degrees))
    if len(known) < 3:
        return []
    # One frame of bad depth turns every joint to and fro; the median of three is not moved by it.
    steady = inputs.degrees[known].copy()
    steady[1:-1] = np.median(np.stack([steady[:-2], steady[1:-1], steady[2:]]), axis=0)
    speed = np.abs(np.diff(steady)) / np.maximum(1e-3, np.diff(inputs.seconds[known]))
    found = []
    for at in np.flatnonzero((speed > settings.fastest_turn) & (np.diff(known) == 1)):
        frame, turned = int(known[at + 1]), float(speed[at])
        reason = (
            f"Into frame {frame} the {_words(inputs.joint)} of track {inputs.track_id} turns at {turned:.0f} degrees a "
            f"second; {settings.fastest_turn:.0f} is the limit."
        )
        found.append(Finding(NAME, frame, frame + 1, 2, reason, _evidence(inputs, "turn", (frame, frame + 1), turned)))
    return found


def _evidence(inputs: Inputs, kind: str, span: tuple[int, int], measure: float) -> dict[str, Any]:
    first, last = max(0, span[0] - 8), min(len(inputs.degrees), span[1] + 8)
    shown: Sequence[int] = [n for n in range(*span) if np.isfinite(inputs.pixels[n]).all()]
    return {
        "kind": kind,
        "tracks": [inputs.track_id],
        "label": _words(inputs.joint),
        "keypoints": [inputs.joint],
        "measure": round(measure, 2),
        "points": [{"frame": n, "at": plain(inputs.pixels[n])} for n in shown],
        "series": [series("angle", "degrees", first, list(inputs.degrees[first:last]))],
    }


def _words(joint: str) -> str:
    return joint.replace("_", " ")


_MEASURES: Final = {
    "bend": Measure("bend beyond the limit", "degrees", "tolerance"),
    "turn": Measure("speed of an angle", "degrees/s", "fastest_turn"),
}
CHECK: Final = register(Check(NAME, "V2", "Joints in space", ("pose_3d",), Thresholds(), run, _MEASURES))
