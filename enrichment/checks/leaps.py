"""Masks that are somewhere else from one frame to the next, with nothing under them that went there.

Following points tells nothing of a thing that is too small or too quick to be followed. But a mask that shares no pixel
with itself a frame earlier has leapt, unless the picture shows at its new place what was under it at the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Scene, centre_of, inner_points
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.patches import Grey, seen_again
from enrichment.checks.registry import Finding, plain

_LEAST_APART: Final = 1.0  # from the old place to the new one, by the thing's size
_ALIKE: Final = 0.5  # share of points that look the same at both places: then it went there
_AS_LARGE: Final = 0.5  # what shrinks or grows more has gone behind something or come out


@dataclass(frozen=True)
class Leap:
    """A mask that leapt into a frame. by: (2,) float64 pixels of the flow; at: (2,) where it came from."""

    track: int
    frame: int
    at: NDArray[np.float64]
    by: NDArray[np.float64]


class Leaps:
    """Given one frame after the other."""

    def __init__(self, least_area: int) -> None:
        """Masks below so many pixels of the flow are passed over."""
        self._least = least_area
        self._last: tuple[int, Scene, Grey | None] | None = None

    @property
    def last(self) -> int | None:
        """The frame that was given last."""
        return None if self._last is None else self._last[0]

    def restore(self, frame: int, scene: Scene, looks: Grey | None) -> None:
        """Go on after a frame as `last` gave it."""
        self._last = (frame, scene, looks)

    def step(self, frame: int, scene: Scene, looks: Grey | None, tracks: Iterable[int]) -> Iterator[Leap]:
        """The leaps from the frame before, if that was given, among the numbers in `tracks`; without pictures none."""
        before, self._last = self._last, (frame, scene, looks)
        if before is None or before[0] != frame - 1 or before[2] is None or looks is None:
            return
        for number in tracks:
            old, new = before[1].mask(number), scene.mask(number)
            small, large = sorted((int(old.sum()), int(new.sum())))
            if small < self._least or small < _AS_LARGE * large or (old & new).any():
                continue
            start, by = centre_of(old), centre_of(new) - centre_of(old)
            if np.hypot(*by) < _LEAST_APART * float(old.sum()) ** 0.5:
                continue
            points = inner_points(old)
            if seen_again(before[2], points, looks, (points + by).astype(np.float32)).mean() < _ALIKE:
                yield Leap(number, frame, start, by)


def as_finding(check: str, leap: Leap, track: TrackMasks, scene: Scene) -> Finding:
    """What there is to tell and to draw of a leap, in pixels of the picture."""
    up, frame = scene.scale, leap.frame
    reason = (
        f"From frame {frame - 1} to {frame} the mask of track {leap.track} ({track.label}) leaps by "
        f"{float(np.hypot(*(leap.by * up))):.0f} px, and what was under it is not seen there."
    )
    evidence: dict[str, Any] = {
        "kind": "leap",
        "label": track.label,
        "tracks": [leap.track],
        "masks": [{"frame": frame, "counts": track.masks[frame]["counts"]}],
        "vectors": [{"frame": frame, "at": plain(leap.at * up), "by": plain(leap.by * up), "kind": "mask"}],
    }
    return Finding(check, frame, frame + 1, 3, reason, evidence)
