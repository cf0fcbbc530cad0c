"""How the hand or gripper moves and how each thing does, frame by frame, from flow and masks.

The mover is followed by `motion_features`, things by `thing_motion`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.geometry.rle import Rle
from enrichment.checks.thing_motion import ThingMotion, ThingVelocities, by_track
from enrichment.engines.motion_features import MOVERS, MotionFeatures, MotionSeries


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
        self._features = MotionFeatures(height, width, first)
        self._things = ThingMotion(height, width, first)
        self._guided: list[bool] = []

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
        self._things.add(flow, masks, labels)
        self._guided.append(any(labels.get(number) in MOVERS for number in masks))

    def result(self) -> Observed:
        """What was seen so far."""
        motion, known = self.part()
        things = by_track([known], range(motion.first, motion.first + len(motion)))
        return Observed(motion, things, np.array(self._guided, dtype=np.bool_))

    def part(self) -> tuple[MotionSeries, ThingVelocities]:
        """What was seen so far, to be put together with other parts by `motion_features.join` and `by_track`."""
        return self._features.series(), self._things.known()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What the observer of the frames after these needs, as arrays without pickle."""
        return self._things.state()

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from what the `state` of the observer before this one gave."""
        self._things.restore(state)


def movers_frames(tracks: Iterable[TrackMasks]) -> set[int]:
    """The frames in which a hand, an arm or a gripper has a mask."""
    return {frame for track in tracks if track.label in MOVERS for frame in track.masks}


def guided(shown: Collection[int], frames: range) -> NDArray[np.bool_]:
    """(n,) bool as `Observed` has it for these frames, by those in which a hand, an arm or a gripper has a mask."""
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
    numbers = list(frames)
    observer = Observer(*size, first=numbers[0] if numbers else 0)
    observe_with(observer, flow, tracks, numbers)
    return observer.result()


def observe_with(
    observer: Observer,
    flow: Callable[[int], NDArray[np.float32] | None],
    tracks: Sequence[TrackMasks],
    frames: Iterable[int],
) -> None:
    """Have an observer take in frames that follow on what it has seen; see `observe`."""
    labels = {track.track_id: track.label for track in tracks}
    for frame in frames:
        masks = {track.track_id: rle.decode(track.masks[frame]) for track in tracks if frame in track.masks}
        observer.add(flow(frame), masks, labels)
