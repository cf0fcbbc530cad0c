"""A few numbers per frame that say how a hand or gripper moves and what it takes along, from flow and masks.

What moves is followed at its far end: the part of the moving region that is farthest from where it enters the picture.
A hand's far end is its fingers, an arm's its gripper; what they carry moves with them and belongs to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.camera import camera_motion, own_motion
from enrichment.errors import EngineInputError

# Masks and flow are reduced to about this width: a far end need not be known to the pixel.
_WORKING_WIDTH: Final = 320
_LEAST_SPEED: Final = 0.2  # pixels per frame at the working size; below it flow is noise
_LEAST_PART: Final = 0.0006  # share of the picture that must move
_FAR_SHARE: Final = 0.2

SURFACES: Final = frozenset({"support_surface", "background"})
MOVERS: Final = frozenset({"human_hand", "gripper", "robot_arm"})


@dataclass(frozen=True)
class MotionSeries:
    """Features of frames `first`, `first` + 1, …; n frames, k tracks. Positions and speeds in pixels of the picture.

    energy: (n,) float32, mean motion of the picture without the camera, pixels per frame.
    velocity: (n, 2) float32, pixels per frame (x, y) of the mover's far end, zero where nothing moves.
    tip: (n, 2) float32, where that end is, NaN where nothing moves.
    tracks: (k,) int64 ids of things that are neither surfaces nor movers.
    centres: (k, n, 2) float32, NaN where a thing is not seen.
    size: (height, width).
    directions: (n, 4) float32, mean motion of the whole picture, without the camera, to the right, left, down and up,
    each 0 or more, pixels per frame.
    """

    first: int
    energy: NDArray[np.float32]
    velocity: NDArray[np.float32]
    tip: NDArray[np.float32]
    tracks: NDArray[np.int64]
    centres: NDArray[np.float32]
    size: tuple[int, int]
    directions: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.energy)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """As arrays without pickle, fit for `np.savez`."""
        return {
            "energy": self.energy,
            "velocity": self.velocity,
            "tip": self.tip,
            "tracks": self.tracks,
            "centres": self.centres,
            "directions": self.directions,
            "facts": np.array([self.first, *self.size], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> MotionSeries:
        """What `arrays` gave.

        Args:
            arrays: as `arrays` gave it; without "directions", which older files lack, they are 0.

        Raises:
            EngineInputError: an array is missing.
        """
        needed = {"energy", "velocity", "tip", "tracks", "centres", "facts"}
        if missing := needed - set(arrays):
            raise EngineInputError(f"The motion features lack {', '.join(sorted(missing))}; compute them again.")
        first, height, width = (int(value) for value in np.asarray(arrays["facts"], dtype=np.int64))
        directions = arrays.get("directions", np.zeros((len(arrays["energy"]), 4)))
        return cls(
            first,
            np.asarray(arrays["energy"], dtype=np.float32),
            np.asarray(arrays["velocity"], dtype=np.float32),
            np.asarray(arrays["tip"], dtype=np.float32),
            np.asarray(arrays["tracks"], dtype=np.int64),
            np.asarray(arrays["centres"], dtype=np.float32),
            (height, width),
            np.asarray(directions, dtype=np.float32),
        )


@dataclass(frozen=True)
class _Row:
    """What one frame adds to a series; without a far end nothing moves."""

    energy: float
    directions: NDArray[np.float32]
    velocity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(2, np.float32))
    tip: NDArray[np.float32] = field(default_factory=lambda: np.full(2, np.nan, np.float32))


class MotionFeatures:
    """Collects features frame by frame; one batch is one collector, and `join` puts batches together."""

    def __init__(self, height: int, width: int, first: int = 0) -> None:
        """Begin at frame `first` of a clip of this size, in pixels."""
        self._size = (height, width)
        self._first = first
        factor = min(1.0, _WORKING_WIDTH / width)
        self._small = (max(16, round(width * factor)), max(16, round(height * factor)))
        self._rows: list[_Row] = []
        self._centres: dict[int, dict[int, tuple[float, float]]] = {}

    def add(
        self,
        flow: NDArray[np.float32] | None,
        masks: Mapping[int, NDArray[np.generic]],
        labels: Mapping[int, str],
    ) -> None:
        """Take in the next frame.

        Args:
            flow: (h, w, 2) float32 from this frame to the next in pixels of its own size; None for the last frame.
            masks: track id to (height, width) mask in this frame.
            labels: track id to label; a track without one is a thing.
        """
        frame = len(self._rows)
        for number, mask in masks.items():
            if labels.get(number) not in SURFACES | MOVERS:
                moments = cv2.moments(np.asarray(mask, dtype=np.uint8), binaryImage=True)
                if moments["m00"] > 0:
                    centre = (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"])
                    self._centres.setdefault(number, {})[frame] = centre
        if flow is None:
            self._rows.append(_Row(0.0, np.zeros(4, np.float32)))
            return
        things, movers = (np.zeros(self._small[::-1], dtype=np.uint8) for _ in range(2))
        for number, mask in masks.items():
            if labels.get(number) not in SURFACES:
                small = cv2.resize(np.asarray(mask, np.uint8), self._small, interpolation=cv2.INTER_NEAREST)
                things |= small
                if labels.get(number) in MOVERS:
                    movers |= small
        self._rows.append(self._far_end(flow, things > 0, movers > 0))

    def series(self) -> MotionSeries:
        """What was collected."""
        count = len(self._rows)
        tracks = sorted(self._centres)
        centres = np.full((len(tracks), count, 2), np.nan, dtype=np.float32)
        for row, number in enumerate(tracks):
            for frame, centre in self._centres[number].items():
                centres[row, frame] = centre
        return MotionSeries(
            self._first,
            np.array([row.energy for row in self._rows], dtype=np.float32),
            np.array([row.velocity for row in self._rows], dtype=np.float32).reshape(count, 2),
            np.array([row.tip for row in self._rows], dtype=np.float32).reshape(count, 2),
            np.array(tracks, dtype=np.int64),
            centres,
            self._size,
            np.array([row.directions for row in self._rows], dtype=np.float32).reshape(count, 4),
        )

    def _far_end(self, flow: NDArray[np.float32], things: NDArray[np.bool_], movers: NDArray[np.bool_]) -> _Row:
        height, width = self._size
        small_width, small_height = self._small
        stretch = np.array([small_width / flow.shape[1], small_height / flow.shape[0]], dtype=np.float32)
        small = cv2.resize(flow, self._small, interpolation=cv2.INTER_AREA).astype(np.float32) * stretch
        own = own_motion(small, camera_motion(small, ~things if things.mean() < 0.7 else None))
        speed = np.linalg.norm(own, axis=2)
        up = np.array([width / small_width, height / small_height], dtype=np.float32)
        energy = float(np.where(speed > _LEAST_SPEED, speed, 0.0).mean() * up[0])
        moving = speed > _LEAST_SPEED
        ways = np.stack([np.clip(own, 0, None), np.clip(-own, 0, None)], axis=-1)
        directions = (ways.mean(axis=(0, 1)) * up[:, None]).ravel().astype(np.float32)
        # A tray that flow drags along as a hand passes in front would be its far end, were it not known for a thing.
        for known in (movers, things):
            grown = cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            if (moving & grown).sum() > 0.5 * _LEAST_PART * moving.size:
                moving &= grown
                break
        region = _strongest(moving, speed)
        if region.sum() < _LEAST_PART * region.size:
            return _Row(energy, directions)
        ys, xs = np.nonzero(region)
        far = _far_part(region, xs, ys)
        velocity = np.median(own[ys[far], xs[far]], axis=0) * up
        tip = np.array([xs[far].mean() + 0.5, ys[far].mean() + 0.5], dtype=np.float32) * up
        return _Row(energy, directions, velocity.astype(np.float32), tip.astype(np.float32))


def join(parts: list[MotionSeries]) -> MotionSeries:
    """Series of consecutive batches as one.

    Args:
        parts: in order, each beginning where the one before ends.

    Raises:
        EngineInputError: nothing to join, or a gap between two batches.
    """
    if not parts:
        raise EngineInputError("There are no motion features to join; compute at least one batch.")
    for before, after in itertools.pairwise(parts):
        if before.first + len(before) != after.first:
            raise EngineInputError(
                f"Motion features jump from frame {before.first + len(before)} to {after.first}; a batch is missing."
            )
    tracks = np.unique(np.concatenate([part.tracks for part in parts]))
    count = sum(len(part) for part in parts)
    centres = np.full((len(tracks), count, 2), np.nan, dtype=np.float32)
    at = 0
    for part in parts:
        centres[np.searchsorted(tracks, part.tracks), at : at + len(part)] = part.centres
        at += len(part)
    return MotionSeries(
        parts[0].first,
        np.concatenate([part.energy for part in parts]),
        np.concatenate([part.velocity for part in parts]),
        np.concatenate([part.tip for part in parts]),
        tracks.astype(np.int64),
        centres,
        parts[0].size,
        np.concatenate([part.directions for part in parts]),
    )


def _strongest(moving: NDArray[np.bool_], speed: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The connected moving region with the most motion; regions a few pixels apart count as one arm."""
    bridged = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    _, labels = cv2.connectedComponents(bridged, connectivity=8)
    strength = np.bincount(labels.ravel(), weights=np.where(moving, speed, 0.0).ravel())
    strength[0] = 0.0
    if strength.max() <= 0:
        return np.zeros_like(moving)
    return moving & (labels == int(np.argmax(strength)))


def _far_part(region: NDArray[np.bool_], xs: NDArray[np.intp], ys: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the pixels are the fifth that is farthest from where the region crosses the picture's border."""
    height, width = region.shape
    margin = 2
    rim = (xs < margin) | (ys < margin) | (xs >= width - margin) | (ys >= height - margin)
    if not rim.any():
        # It does not reach in from outside; gravity tells which end of a gripper does the work.
        return ys >= np.quantile(ys, 1.0 - 2 * _FAR_SHARE)
    away = np.hypot(xs - xs[rim].mean(), ys - ys[rim].mean())
    return away >= np.quantile(away, 1.0 - _FAR_SHARE)
