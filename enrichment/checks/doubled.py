"""Two masks on one thing: a track that has gone over to another one's thing lies where that one's mask lies.

Nothing that moves contradicts it, and what the other mask covers is hidden to the rest of the check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Scene, centre_of
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding

KIND: Final = "doubled"


@dataclass(frozen=True)
class Doubled:
    """Two tracks whose masks lie on each other in a frame, the one that came there first. overlap: IoU."""

    came: int
    there: int
    frame: int
    overlap: float


class Doubles:
    """Given one frame after the other."""

    def __init__(self, least_area: int, least_overlap: float) -> None:
        """Masks below so many pixels of the flow are passed over, and pairs of a smaller IoU."""
        self._least_area, self._least = least_area, least_overlap
        self._apart: dict[int, NDArray[np.float64]] = {}  # where each track was when it last had a place of its own

    def step(self, frame: int, scene: Scene, tracks: Mapping[int, TrackMasks]) -> Iterator[Doubled]:
        """The pairs of a frame; a track of no other's pixels costs next to nothing."""
        there = [number for number, track in tracks.items() if frame in track.masks]
        shared = {number for number in there if scene.shared(number) >= self._least}
        for number in set(there) - shared:
            if scene.mask(number).any():
                self._apart[number] = centre_of(scene.mask(number))
        for one, other in combinations(sorted(shared), 2):
            a, b = scene.mask(one), scene.mask(other)
            if min(int(a.sum()), int(b.sum())) < self._least_area:
                continue
            overlap = float((a & b).sum() / (a | b).sum())
            if overlap >= self._least:
                here = centre_of(a & b)
                came, stayed = sorted((one, other), key=lambda number: -self._way(number, here))
                yield Doubled(came, stayed, frame, overlap)

    def state(self) -> dict[int, list[float]]:
        """By track where it was when it last had a place of its own, (x, y)."""
        return {number: [float(value) for value in at] for number, at in self._apart.items()}

    def restore(self, state: Mapping[int, Sequence[float]]) -> None:
        """Go on from what `state` gave."""
        self._apart = {number: np.array(at, dtype=np.float64) for number, at in state.items()}

    def _way(self, number: int, here: NDArray[np.float64]) -> float:
        """How far a track was from here when it was last alone; one that never was may have been here always."""
        return float(np.hypot(*(self._apart[number] - here))) if number in self._apart else 0.0


def as_finding(check: str, found: Doubled, tracks: Mapping[int, TrackMasks]) -> Finding:
    """What there is to tell and to draw."""
    came, there = tracks[found.came], tracks[found.there]
    reason = (
        f"In frame {found.frame} the masks of track {came.track_id} ({came.label}) and track {there.track_id} "
        f"({there.label}) lie on each other with an IoU of {found.overlap:.2f}: one of them is on the other's thing."
    )
    evidence: dict[str, Any] = {
        "kind": KIND,
        "label": came.label,
        "tracks": [came.track_id, there.track_id],
        "masks": [{"frame": found.frame, "counts": each.masks[found.frame]["counts"]} for each in (came, there)],
        "measure": round(found.overlap, 3),
    }
    return Finding(check, found.frame, found.frame + 1, 3, reason, evidence)
