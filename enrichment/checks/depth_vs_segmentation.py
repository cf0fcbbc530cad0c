"""Masks against depth: one thing is at one place, so its depth is one heap and no edge cuts through it [V1].

Inside a mask, away from its border, depth is split in two where the classes lie apart the most (Otsu, "A threshold
selection method from gray-level histograms", 1979). A mask over two things has two heaps of pixels with next to nothing
between them; a thing that reaches into depth has pixels all the way. Heaps that lie half a metre apart are surely two
things; nearer ones only when each is a piece of its own in the picture, with a depth edge between them.

Depth must be metric. What shows another thing's depth (transparent, reflective) or next to none (thin) is exempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.outlines import at_border
from enrichment.checks.registry import Check, Finding, Measure, merge, register
from enrichment.parameters import refuse_beyond

NAME: Final = "depth_vs_segmentation"
_BINS = 96
_SEAM = 5  # pixels
_HEIGHT = 480  # pixels of the depth for which thresholds in pixels are meant


# What lies beyond `gap` would still be an edge under a wider one, so that no threshold alone decides on two depths.
_MEASURES: Final = {"depth_edge": Measure("distance between two depths under one mask", "m", "edge")}


@dataclass(frozen=True)
class Inputs:
    """Tracks of one clip or task, and the depth.

    depth: frame n to (h, w) float32 in metres, 0 where nothing is known, of any size with the picture's proportions;
    None where there is none. It is called with increasing frame numbers.
    """

    tracks: Sequence[TrackMasks]
    depth: Callable[[int], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Thresholds:
    """Lengths in metres, shares of the mask's pixels; border and area in pixels of a depth that is 480 high."""

    gap: float = 0.5  # heaps so far apart are two things
    edge: float = 0.15  # heaps so far apart are, when an edge parts them
    least_share: float = 0.12  # of the smaller heap
    most_between: float = 0.08  # of pixels in the middle half between the heaps
    border: int = 3  # depth bleeds over a thing's outline
    least_area: int = 300
    every: int = 3  # frames from one look to the next
    merge_gap: int = 12
    left_out: tuple[str, ...] = ("background", "support_surface")
    articulated: tuple[str, ...] = ("human_hand", "robot_arm", "gripper", "obstacle_deformable")
    exempt: tuple[str, ...] = ("transparent", "reflective", "thin")

    def __post_init__(self) -> None:
        """Refuse what is no length, share or count."""
        refuse_beyond(self, least={"every": 1, "least_area": 1}, shares=("least_share", "most_between"))


@dataclass(frozen=True)
class _Split:
    """Two heaps of one mask. near, far: medians in metres. share: of the farther one. part: where that is."""

    near: float
    far: float
    share: float
    between: float
    part: NDArray[np.bool_]


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Look at every mask on every few frames.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start. Evidence: `tracks`, `masks` (what lies behind) and `boxes` (around the whole mask).
    """
    settings = thresholds or Thresholds()
    return joined(looked(inputs, settings), settings)


def looked(inputs: Inputs, settings: Thresholds, frames: range | None = None) -> list[Finding]:
    """What is seen in some frames of a clip, or in all of it, in order and not yet `joined`."""
    tracks = [each for each in inputs.tracks if _concerned(each, settings)]
    due: dict[int, list[TrackMasks]] = {}
    for track in tracks:
        for frame in _looks(track, settings.every):
            due.setdefault(frame, []).append(track)
    found: list[Finding] = []
    for frame in sorted(due):
        if frames is not None and frame not in frames:
            continue
        depth = inputs.depth(frame)
        if depth is None:
            continue
        scaled = _at_size(settings, depth.shape[0])
        for track in due[frame]:
            found.extend(_look(track, frame, depth, scaled))
    return found


def joined(found: Iterable[Finding], settings: Thresholds) -> list[Finding]:
    """What was seen in all of a clip, one finding for each stretch; by start."""
    return merge(found, settings.merge_gap, lambda each: (each.evidence["kind"], each.evidence["tracks"][0]), _MEASURES)


def _looks(track: TrackMasks, every: int) -> list[int]:
    """The frames in which a track is looked at: each with a mask that lies so many after the last one."""
    found: list[int] = []
    for frame in sorted(track.masks):
        if not found or frame >= found[-1] + every:
            found.append(frame)
    return found


def _at_size(settings: Thresholds, height: int) -> Thresholds:
    """The thresholds for depth of so many pixels' height: what fills a tenth of the picture does so at any size."""
    scale = height / _HEIGHT
    return replace(
        settings,
        border=max(settings.border, round(settings.border * scale)),
        least_area=max(1, settings.least_area // 2, round(settings.least_area * scale**2)),
    )


def _concerned(track: TrackMasks, settings: Thresholds) -> bool:
    return track.label not in settings.left_out and track.rigidity not in settings.exempt


def _look(track: TrackMasks, frame: int, depth: NDArray[np.float32], settings: Thresholds) -> list[Finding]:
    whole = rle.decode(track.masks[frame]).astype(np.uint8)
    mask = whole
    if mask.shape != depth.shape:
        sides = (depth.shape[1], depth.shape[0])
        mask = np.asarray(cv2.resize(mask, sides, interpolation=cv2.INTER_NEAREST), np.uint8)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=settings.border).astype(bool)
    known = inner & (depth > 0)
    if known.sum() < settings.least_area or known.sum() < 0.5 * inner.sum():
        return []
    split = _split(depth, known)
    if split is None or not settings.least_share <= split.share <= 1 - settings.least_share:
        return []
    apart = split.far - split.near
    if split.between > settings.most_between or apart < settings.edge:
        return []
    jointed = track.label in settings.articulated or track.rigidity == "deformable"
    if apart < settings.gap and (jointed or not _in_pieces(known, split.part, settings)):
        return []
    # An arm that leaves the picture between elbow and shoulder comes in two pieces at two depths, and is one arm: they
    # lie apart, or one before the other, and both, drawn in by a few pixels as they are, go on outside.
    near = known & ~split.part
    if jointed and (not _touch(split.part, near) or (at_border(split.part) and at_border(near))):
        return []
    kind, severity = ("two_depths", 3) if apart >= settings.gap else ("depth_edge", 2)
    reason = (
        f"In frame {frame} the mask of track {track.track_id} ({track.label}) lies over two depths: "
        f"{100 * split.share:.0f} % of it is {100 * apart:.0f} cm behind the rest. It may cover two things."
    )
    end = min(frame + settings.every, max(track.masks) + 1)  # a clip may end before the next look
    return [Finding(NAME, frame, end, severity, reason, _evidence(track, frame, whole, split, kind))]


def _split(depth: NDArray[np.float32], known: NDArray[np.bool_]) -> _Split | None:
    """Where the depth of some pixels falls apart best; None where all are at one depth."""
    values = depth[known].astype(np.float64)
    low, high = np.percentile(values, (1, 99))
    if high - low < 1e-3:
        return None
    counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    spread = np.nan_to_num(spread)
    # Between two heaps the spread is level: its middle is the fairest border.
    level = np.flatnonzero(spread >= spread.max() * (1 - 1e-9))
    border = edges[int(level.mean()) + 1]
    near, far = values[values < border], values[values >= border]
    if not len(near) or not len(far):
        return None
    a, b = float(np.median(near)), float(np.median(far))
    between = ((values > a + (b - a) / 4) & (values < b - (b - a) / 4)).mean()
    return _Split(a, b, len(far) / len(values), float(between), known & (depth >= border))


def _in_pieces(known: NDArray[np.bool_], far: NDArray[np.bool_], settings: Thresholds) -> bool:
    """Whether each heap is one patch of the picture, rather than specks of the other all over it."""
    for part in (far, known & ~far):
        count, _, figures, _ = cv2.connectedComponentsWithStats(part.astype(np.uint8), connectivity=4)
        largest = figures[1:, cv2.CC_STAT_AREA].max() if count > 1 else 0
        if largest < 0.8 * part.sum() or largest < settings.least_share * known.sum():
            return False
    return True


def _touch(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> bool:
    """Whether two patches of the picture lie next to each other along a few pixels."""
    beside = cv2.dilate(a.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return int((beside & b).sum()) >= _SEAM


def _evidence(track: TrackMasks, frame: int, whole: NDArray[np.uint8], split: _Split, kind: str) -> dict[str, Any]:
    height, width = whole.shape
    behind = split.part.astype(np.uint8)
    if behind.shape != whole.shape:
        behind = np.asarray(cv2.resize(behind, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    box = [int(value) for value in cv2.boundingRect(whole)]
    return {
        "kind": kind,
        "tracks": [track.track_id],
        "near_m": round(split.near, 3),
        "far_m": round(split.far, 3),
        "measure": round(split.far - split.near, 3),
        "label": track.label,
        "masks": [{"frame": frame, "counts": rle.encode(behind)["counts"]}],
        "boxes": [{"frame": frame, "box": box}],
    }


CHECK: Final = register(
    Check(NAME, "V1", "Depth against segmentation", ("depth", "segmentation"), Thresholds(), run, _MEASURES)
)
