"""One track between two annotated frames, and what there is to tell and to draw where its mask does not go along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Mask, Scene, centre_of
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.patches import Followed
from enrichment.checks.registry import Finding, plain


@dataclass
class Comparison:
    """One track between two annotated frames, on its way: which points are left, where they began, where they are."""

    track: TrackMasks
    first: int
    last: int
    before: Mask
    covered: Mask  # by other tracks, in the first frame
    points: Followed
    ways: dict[int, NDArray[np.float64]]  # median way of the points since the first frame, by frame

    chosen: int = 0  # how many points there were at first
    creeping: bool = False  # a long span, in which only what surely moves as one is judged

    @property
    def frames(self) -> list[int]:
        """Annotated frames from the first to the last."""
        return [frame for frame in range(self.first, self.last + 1) if frame in self.track.masks]


@dataclass(frozen=True)
class Reading:
    """How a mask lies against where it should. way: (2,) float64 pixels that it went; overlap: IoU; shift: pixels."""

    way: NDArray[np.float64]
    overlap: float
    shift: float


def misplaced(check: str, each: Comparison, scene: Scene, reading: Reading, grave_iou: float) -> Finding:
    """A mask that does not lie where the flow takes it; gravely so below an IoU."""
    track, first, last = each.track, each.first, each.last
    up = scene.scale
    origin = centre_of(each.before)
    # Where the masks between the two frames are known, the finding begins with the first that is off by half as much.
    ways = {frame: scene.centre_of(track.masks[frame]) - origin for frame in each.frames}
    ways[last] = reading.way
    astray = [frame for frame in each.frames if np.hypot(*(ways[frame] - each.ways[frame])) >= 0.5 * reading.shift]
    start = next((frame for frame in astray if frame > first), last)
    moved, carried = (float(np.hypot(*(way * up))) for way in (reading.way, each.ways[last]))
    reason = (
        f"From frame {first} to {last} the mask of track {track.track_id} ({track.label}) moved {moved:.0f} px, "
        f"the flow under it says {carried:.0f} px; it covers {reading.overlap:.0%} of where it should lie."
    )
    shown = [frame for frame in each.frames if frame >= start]
    evidence: dict[str, Any] = {
        "kind": "displacement",
        "tracks": [track.track_id],
        "masks": [{"frame": frame, "counts": track.masks[frame]["counts"]} for frame in shown],
        "vectors": [
            {"frame": frame, "at": plain(origin * up), "by": plain(by * up), "kind": kind}
            for frame in shown
            for by, kind in ((ways[frame], "mask"), (each.ways[frame], "flow"))
        ],
        "iou": round(reading.overlap, 3),
        "measure": round(reading.overlap, 3),
        "label": track.label,
    }
    return Finding(check, start, last + 1, 3 if reading.overlap < grave_iou else 2, reason, evidence)


def not_rigid(check: str, each: Comparison, scene: Scene, share: float, limit: float) -> Finding:
    """A share of a mask's points that leave its one motion by more than so many pixels of the flow."""
    track, first, last = each.track, each.first, each.last
    up = scene.scale
    reason = (
        f"From frame {first} to {last}, {share:.0%} of the points under the mask of track {track.track_id} "
        f"({track.label}) leave its one rigid motion by more than {limit * float(up.mean()):.0f} px: the mask covers "
        f"several things, or not all of one."
    )
    chosen = np.linspace(0, len(each.points) - 1, min(24, len(each.points))).astype(int)
    evidence: dict[str, Any] = {
        "kind": "rigidity",
        "tracks": [track.track_id],
        "masks": [{"frame": frame, "counts": track.masks[frame]["counts"]} for frame in each.frames],
        "vectors": [
            {
                "frame": first,
                "at": plain(each.points.start[k] * up),
                "by": plain((each.points.at[k] - each.points.start[k]) * up),
                "kind": "flow",
            }
            for k in chosen
        ],
        "share": round(share, 3),
        "measure": round(share, 3),
        "label": track.label,
    }
    return Finding(check, first, last + 1, 2, reason, evidence)


def doubtful(finding: Finding) -> Finding:
    """The same, as something to look at when there is time."""
    reason = f"{finding.reason} Something may have passed in front between the two frames."
    return replace(finding, severity=1, reason=reason)
