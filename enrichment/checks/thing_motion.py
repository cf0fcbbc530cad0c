"""How each thing moves, from flow and masks: points inside its mask that the flow carries.

A mask's centre would jump when fingers cover a part of it. Where a frame has no mask of a thing, the points of the last
one go on, so masks on key frames suffice. What is known of a frame may be doubted by a mask that comes later, but only
as far back as points remember: so a clip can be walked through in batches, each going on from the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Mask, Points, at_size, carry, inner_points
from enrichment.engines.camera import camera_motion, own_motion
from enrichment.engines.motion_features import MOVERS, SURFACES

_LEAST_POINTS: Final = 8
_LONGEST_MEMORY: Final = 30  # frames that points may go on without a fresh mask
_BESIDE: Final = 7  # pixels of the flow, the neighbourhood of another thing into which its motion bleeds
_LEAST_ASTRAY: Final = 8.0  # pixels of the flow


@dataclass(frozen=True)
class ThingVelocities:
    """What a walk knows: rows of track number, frame and velocity (x, y), (k, 4) float64, pixels of the picture.

    since: the first frame that it tells of; what was known of this and later frames before is replaced.
    """

    since: int
    rows: NDArray[np.float64]


class _Followed(NamedTuple):
    """Points of a thing and the frame of the mask that they come from."""

    points: Points
    seen: int


class ThingMotion:
    """Takes in one frame after the other."""

    def __init__(self, height: int, width: int, first: int = 0) -> None:
        """Begin at frame `first` of a clip of this size, in pixels."""
        self._size = (height, width)
        self._frame = self._since = first
        self._followed: dict[int, _Followed] = {}
        self._velocities: dict[int, dict[int, NDArray[np.float64]]] = {}

    def add(
        self, flow: NDArray[np.float32] | None, masks: Mapping[int, NDArray[np.generic]], labels: Mapping[int, str]
    ) -> None:
        """Take in the next frame; see `observed_motion.Observer.add`."""
        if flow is not None:
            size = (flow.shape[0], flow.shape[1])
            small = {number: at_size(mask, size) for number, mask in masks.items()}
            self._renew(small, labels, size)
            self._move(flow, small, labels)
        self._frame += 1

    def known(self) -> ThingVelocities:
        """How things moved so far, without the camera's share."""
        rows = [
            (number, frame, *velocity)
            for number, by_frame in self._velocities.items()
            for frame, velocity in by_frame.items()
        ]
        return ThingVelocities(self._since, np.array(rows, dtype=np.float64).reshape(-1, 4))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What `restore` needs, as arrays without pickle; it does not grow with the clip."""
        known = self.known()
        since = min((each.seen for each in self._followed.values()), default=self._frame)
        points = [each.points for each in self._followed.values()]
        return {
            "frames": np.array([self._frame, since], dtype=np.int64),
            "rows": known.rows[known.rows[:, 1] >= since],
            "followed": np.array(
                [(number, each.seen, len(each.points)) for number, each in self._followed.items()], dtype=np.int64
            ).reshape(-1, 3),
            "points": np.concatenate(points) if points else np.zeros((0, 2), np.float32),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from what `state` gave."""
        self._frame, self._since = (int(frame) for frame in np.asarray(state["frames"], dtype=np.int64))
        self._velocities = {}
        for number, frame, *velocity in np.asarray(state["rows"], dtype=np.float64):
            self._velocities.setdefault(int(number), {})[int(frame)] = np.array(velocity)
        self._followed, at = {}, 0
        points = np.asarray(state["points"], dtype=np.float32)
        for number, seen, count in np.asarray(state["followed"], dtype=np.int64).tolist():
            self._followed[number] = _Followed(points[at : at + count], seen)
            at += count

    def _renew(self, masks: Mapping[int, Mask], labels: Mapping[int, str], size: tuple[int, int]) -> None:
        """Fresh points for things that have a mask here, away from what is in front; old ones are forgotten in time."""
        solid = {number: mask for number, mask in masks.items() if labels.get(number) not in SURFACES}
        layers = np.zeros(size, dtype=np.uint8)
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
                self._followed[number] = _Followed(points, self._frame)
        self._followed = {
            number: each for number, each in self._followed.items() if self._frame - each.seen <= _LONGEST_MEMORY
        }

    def _doubt(self, number: int, mask: Mask) -> None:
        """Forget how a thing moved since its last mask when that led away from this one: something passed in front."""
        if number not in self._followed or not mask.any():
            return
        points, seen = self._followed[number]
        ys, xs = np.nonzero(mask)
        astray = np.hypot(*(np.median(points, axis=0) - (xs.mean(), ys.mean())))
        if astray > max(_LEAST_ASTRAY, 0.5 * float(mask.sum()) ** 0.5):
            for frame in range(seen, self._frame):
                self._velocities.get(number, {}).pop(frame, None)
            del self._followed[number]

    def _move(self, flow: NDArray[np.float32], masks: Mapping[int, Mask], labels: Mapping[int, str]) -> None:
        if not self._followed:
            return
        height, width = flow.shape[:2]
        stands = np.ones((height, width), dtype=np.bool_)
        for number, mask in masks.items():
            if labels.get(number) not in SURFACES:
                stands &= ~mask
        own = own_motion(flow, camera_motion(flow, stands if stands.mean() > 0.3 else None))
        up = np.array([self._size[1] / width, self._size[0] / height])
        for number, (points, seen) in list(self._followed.items()):
            # What the camera adds moves the points, too, but it is not the thing's doing.
            without_camera = carry(points, own, (height, width)) - points
            carried = carry(points, flow, (height, width))
            inside = ((carried >= 0) & (carried <= (width - 1, height - 1))).all(axis=1)
            if inside.sum() < _LEAST_POINTS:
                del self._followed[number]
                continue
            velocity = np.median(without_camera[inside], axis=0).astype(np.float64) * up
            self._velocities.setdefault(number, {})[self._frame] = velocity
            self._followed[number] = _Followed(carried[inside], seen)


def by_track(parts: Iterable[ThingVelocities], frames: range) -> dict[int, NDArray[np.float64]]:
    """What consecutive batches know, as series.

    Args:
        parts: in order.
        frames: consecutive frame numbers, n of them.

    Returns:
        By track number (n, 2) float64, pixels of the picture per frame, NaN where it is not known.
    """
    told: list[NDArray[np.float64]] = []
    replaced = np.inf  # from this frame on, by what a later batch knows
    for part in reversed(list(parts)):
        told.append(part.rows[part.rows[:, 1] < replaced])
        replaced = min(replaced, part.since)
    found: dict[int, NDArray[np.float64]] = {}
    for number, frame, *velocity in np.concatenate(told[::-1]) if told else ():
        series = found.setdefault(int(number), np.full((len(frames), 2), np.nan))
        series[int(frame) - frames.start] = velocity
    return found
