"""How the hand or gripper moves and how each thing does, frame by frame, from flow and masks.

The mover is followed by `motion_features`. A thing is followed by points inside its mask that the flow carries: a
mask's centre would jump when fingers cover a part of it. Where a frame has no mask of it, the points of the last one go
on, so masks on key frames suffice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.geometry.rle import Rle
from enrichment.checks.carried_masks import Mask, Points, at_size, carry, inner_points
from enrichment.engines.camera import camera_motion, own_motion
from enrichment.engines.motion_features import MOVERS, SURFACES, MotionFeatures, MotionSeries

_LEAST_POINTS: Final = 8
_LONGEST_MEMORY: Final = 30  # frames that points may go on without a fresh mask
_BESIDE: Final = 7  # pixels of the flow, the neighbourhood of another thing into which its motion bleeds
_LEAST_ASTRAY: Final = 8.0  # pixels of the flow


@dataclass(frozen=True)
class TrackMasks:
    """A track: its number, its label, its label's rigidity ("rigid", "deformable", "thin" …), its masks by frame.

    Masks are COCO RLE of the picture's size.
    """

    track_id: int
    label: str
    rigidity: str
    masks: Mapping[int, Rle]


@dataclass(frozen=True)
class Observed:
    """Frames `motion.first`, `motion.first` + 1, …; n frames.

    motion: the mover. things: by track number of what is neither surface nor mover, (n, 2) float64 its velocity in
    pixels of the picture per frame without the camera's share, NaN where it is not known. guided: (n,) bool, whether a
    mask of a hand, an arm or a gripper told what the mover is; elsewhere it is whatever moves most.
    """

    motion: MotionSeries
    things: Mapping[int, NDArray[np.float64]]
    guided: NDArray[np.bool_]


class Observer:
    """Takes in one frame after the other and keeps a few numbers of each."""

    def __init__(self, height: int, width: int, first: int = 0) -> None:
        """Begin at frame `first` of a clip of this size, in pixels."""
        self._size = (height, width)
        self._features = MotionFeatures(height, width, first)
        self._count = 0
        self._flow_size = (0, 0)
        self._guided: list[bool] = []
        self._points: dict[int, tuple[Points, int]] = {}
        self._velocities: dict[int, dict[int, NDArray[np.float64]]] = {}

    def add(
        self, flow: NDArray[np.float32] | None, masks: Mapping[int, NDArray[np.generic]], labels: Mapping[int, str]
    ) -> None:
        """Take in the next frame.

        Args:
            flow: (h, w, 2) float32 from this frame to the next in pixels of its own size; None for the last frame, or
                where it is not known.
            masks: track number to (height, width) mask in this frame; none at all is allowed.
            labels: track number to label; a track without one is a thing.
        """
        self._features.add(flow, masks, labels)
        self._guided.append(any(labels.get(number) in MOVERS for number in masks))
        if flow is not None:
            self._flow_size = (flow.shape[0], flow.shape[1])
            small = {number: at_size(mask, self._flow_size) for number, mask in masks.items()}
            self._renew(small, labels)
            self._move(flow, small, labels)
        self._count += 1

    def result(self) -> Observed:
        """What was seen so far."""
        things = {}
        for number, known in self._velocities.items():
            things[number] = np.full((self._count, 2), np.nan)
            for row, velocity in known.items():
                things[number][row] = velocity
        return Observed(self._features.series(), things, np.array(self._guided, dtype=np.bool_))

    def _renew(self, masks: Mapping[int, Mask], labels: Mapping[int, str]) -> None:
        """Fresh points for things that have a mask here, away from what is in front; old ones are forgotten in time."""
        solid = {number: mask for number, mask in masks.items() if labels.get(number) not in SURFACES}
        layers = np.zeros(self._flow_size, dtype=np.uint8)
        for mask in solid.values():
            layers += mask
        for number, mask in solid.items():
            if labels.get(number) in MOVERS:
                continue
            self._doubt(number, mask)
            beside = cv2.dilate((layers > mask).astype(np.uint8), np.ones((_BESIDE, _BESIDE), np.uint8)) > 0
            free = mask & ~beside
            points = inner_points(free) if free.any() else np.zeros((0, 2), np.float32)
            if len(points) >= _LEAST_POINTS:
                self._points[number] = (points, self._count)
        self._points = {
            number: (points, seen)
            for number, (points, seen) in self._points.items()
            if self._count - seen <= _LONGEST_MEMORY
        }

    def _doubt(self, number: int, mask: Mask) -> None:
        """Forget how a thing moved since its last mask when that led away from this one: something passed in front."""
        if number not in self._points or not mask.any():
            return
        points, seen = self._points[number]
        ys, xs = np.nonzero(mask)
        astray = np.hypot(*(np.median(points, axis=0) - (xs.mean(), ys.mean())))
        if astray > max(_LEAST_ASTRAY, 0.5 * float(mask.sum()) ** 0.5):
            for row in range(seen, self._count):
                self._velocities.get(number, {}).pop(row, None)
            del self._points[number]

    def _move(self, flow: NDArray[np.float32], masks: Mapping[int, Mask], labels: Mapping[int, str]) -> None:
        if not self._points:
            return
        height, width = flow.shape[:2]
        stands = np.ones((height, width), dtype=np.bool_)
        for number, mask in masks.items():
            if labels.get(number) not in SURFACES:
                stands &= ~mask
        own = own_motion(flow, camera_motion(flow, stands if stands.mean() > 0.3 else None))
        up = np.array([self._size[1] / width, self._size[0] / height])
        for number, (points, seen) in list(self._points.items()):
            # What the camera adds moves the points, too, but it is not the thing's doing.
            without_camera = carry(points, own, (height, width)) - points
            carried = carry(points, flow, (height, width))
            inside = ((carried >= 0) & (carried <= (width - 1, height - 1))).all(axis=1)
            if inside.sum() < _LEAST_POINTS:
                del self._points[number]
                continue
            velocity = np.median(without_camera[inside], axis=0).astype(np.float64) * up
            self._velocities.setdefault(number, {})[self._count] = velocity
            self._points[number] = (carried[inside], seen)


def guided(tracks: Sequence[TrackMasks], frames: range) -> NDArray[np.bool_]:
    """(n,) bool as `Observed` has it for these frames, told from where tracks have masks without decoding any."""
    shown = {frame for track in tracks if track.label in MOVERS for frame in track.masks}
    return np.array([frame in shown for frame in frames], dtype=np.bool_)


def observe(
    flow: Callable[[int], NDArray[np.float32] | None],
    tracks: Sequence[TrackMasks],
    frames: Iterable[int],
    size: tuple[int, int],
) -> Observed:
    """Observe a stretch of a clip in one walk; memory does not grow with its length but for a few numbers a frame.

    Args:
        flow: frame n to (h, w, 2) float32 from n to n + 1 at any one size, or None; called once a frame, in order.
        tracks: masks by people or engines, on any frames; may be empty, which leaves the checks less to judge by.
        frames: consecutive frame numbers.
        size: (height, width) of the picture.

    Returns:
        See `Observed`.
    """
    labels = {track.track_id: track.label for track in tracks}
    observer: Observer | None = None
    for frame in frames:
        observer = observer or Observer(*size, first=frame)
        masks = {track.track_id: rle.decode(track.masks[frame]) for track in tracks if frame in track.masks}
        observer.add(flow(frame), masks, labels)
    return (observer or Observer(*size)).result()
