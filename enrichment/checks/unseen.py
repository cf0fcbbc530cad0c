"""Joints that are lost for a moment: seen surely before and after, and not between [V2].

Something in front of a hand hides it for long, and then nobody knows where it is. A detector that loses a hand for a
few frames leaves a hole in a path that can be told from both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import body_limits, pose_vs_time
from enrichment.checks.registry import Finding

Paths = Mapping[str, NDArray[np.float64]]

_MOSTLY_SEEN: Final = 0.5  # a joint that is seen on fewer of the clip's frames is hidden, not lost


@dataclass(frozen=True)
class Thresholds(body_limits.Thresholds):
    """longest_unseen: seconds between two sightings, above which a joint is hidden, not lost; 0 looks for none."""

    longest_unseen: float = 0.5


def run(
    paths: Paths, joint: str, track: int, seconds: NDArray[np.float64], thresholds: Thresholds | None = None
) -> list[Finding]:
    """Look for moments in which a joint is lost.

    Args:
        paths: joint to (frames, 2) float64 pixels, NaN where it is not surely seen.
        joint: which.
        track: whose.
        seconds: (frames,) presentation times.
        thresholds: see `Thresholds`.

    Returns:
        Findings of `pose_vs_time` by start, of kind `gap`. Evidence: `tracks`, `keypoints`, `points` at both ends,
        `label`, `measure` (seconds between the sightings).
    """
    longest = (thresholds or Thresholds()).longest_unseen
    known = np.flatnonzero(np.isfinite(paths[joint]).all(axis=1))
    if len(known) < _MOSTLY_SEEN * len(paths[joint]):
        return []
    words, found = joint.replace("_", " "), []
    for before, after in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        apart = float(seconds[after] - seconds[before])
        if after == before + 1 or apart > longest:
            continue
        where = f"frame {before + 1}" if after == before + 2 else f"frames {before + 1} to {after - 1}"
        reason = (
            f"In {where} the {words} of track {track} is not surely seen; before and after, {apart:.2f} s apart, it is."
        )
        shown = [(frame, paths[joint][end]) for frame, end in ((before + 1, before), (after - 1, after))]
        evidence = body_limits.evidence("gap", words, track, shown, (joint,)) | {"measure": round(apart, 3)}
        found.append(Finding(pose_vs_time.NAME, before + 1, after, 1, reason, evidence))
    return found
