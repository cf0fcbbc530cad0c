"""Whether what a point showed is seen again where the flow says that it went.

Flow is an estimate: a shadow that slides over a thing, or a hand beside it, drags it along. What looks different where
the flow has taken it was not followed, and says nothing of how the thing moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Points = NDArray[np.float32]

REACH: Final = 4  # pixels to each side of a point: patches of 9 by 9, into which another thing's edge so near reaches
LEAST_POINTS: Final = 12  # fewer say too little of a thing
_TELLING: Final = 8.0  # grey levels of contrast; even ground looks like itself everywhere
_NOISE: Final = 4.0  # grey levels; contrast below this is the camera's, not the thing's
_LEAST_CONTRAST: Final = 6.0  # grey levels
_LEAST_LIKENESS: Final = 0.6
_LEAST_SHARE: Final = 0.5  # of the points that must be found again

_OFFSETS: Final = np.stack(np.meshgrid(np.arange(-REACH, REACH + 1), np.arange(-REACH, REACH + 1)), axis=-1).reshape(
    1, -1, 2
)


def grey(picture: NDArray[np.uint8], size: tuple[int, int]) -> Grey:
    """A picture as patches are compared in it.

    Args:
        picture: (height, width, 3) RGB or (height, width) grey, uint8.
        size: (h, w) that it is brought to, pixels.

    Returns:
        (h, w) float32 grey levels, a little smoothed, so that half a pixel more or less makes no difference.
    """
    flat = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if flat.shape != size:
        flat = cv2.resize(flat, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(flat, (3, 3), 0), dtype=np.float32)


def likeness(before: Grey, start: Points, after: Grey, end: Points) -> NDArray[np.float64]:
    """How much the surroundings of points in one picture look like those of others in another.

    Zero-mean normalised cross-correlation, so that a shadow or a lamp makes no difference, with the noise's variance
    added to both sides: evenly coloured ground is like evenly coloured ground.

    Args:
        before: (h, w) float32 as `grey` gives it.
        start: (n, 2) float32 (x, y) in it.
        after: (h, w) float32.
        end: (n, 2) float32 (x, y) in it.

    Returns:
        (n,) float64 in -1..1.
    """
    if not len(start):
        return np.zeros(0)
    a, b = (_patches(picture, points) for picture, points in ((before, start), (after, end)))
    noise = _NOISE**2 * a.shape[1]
    shared = (a * b).sum(axis=1) + noise
    own = ((a**2).sum(axis=1) + noise) * ((b**2).sum(axis=1) + noise)
    return np.asarray(shared / np.sqrt(own), dtype=np.float64)


def seen_again(before: Grey, start: Points, after: Grey, end: Points) -> NDArray[np.bool_]:
    """(n,) bool: which points look alike at both ends; arguments as in `likeness`."""
    return likeness(before, start, after, end) >= _LEAST_LIKENESS


def contrast(picture: Grey, points: Points) -> NDArray[np.float64]:
    """(n,) float64 grey levels: the standard deviation of what surrounds points (n, 2) in a picture (h, w)."""
    return np.asarray(np.sqrt((_patches(picture, points) ** 2).mean(axis=1)), dtype=np.float64)


def telling(picture: Grey, points: Points) -> Points:
    """Those of points (n, 2) that would be missed in a picture (h, w) if they were gone."""
    return points[contrast(picture, points) >= _TELLING]


def _patches(picture: Grey, points: Points) -> NDArray[np.float64]:
    """(n, 81) float64, the grey levels around each point less their mean."""
    if not len(points):
        return np.zeros((0, _OFFSETS.shape[1]))
    at = (points[:, None, :] + _OFFSETS).astype(np.float32)
    found = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found - found.mean(axis=1, keepdims=True), dtype=np.float64)


@dataclass
class Followed:
    """Points on their way through a clip. All arrays are (n, 2) float32 (x, y), row k is the same point.

    start: where they began. at: where the flow has taken them. proven: where they were when a picture last showed that
    they were there. frame: which picture that was; looked: what it looked like, None while there is none. began: what
    the first frame looked like.
    """

    start: Points
    at: Points
    proven: Points
    frame: int
    looked: Grey | None
    began: Grey | None

    @classmethod
    def beginning(cls, points: Points, frame: int, looked: Grey | None) -> Followed:
        """Points in the frame in which they are chosen."""
        return cls(points, points.copy(), points.copy(), frame, looked, looked)

    def __len__(self) -> int:
        return len(self.start)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Let go of all but (n,) bool of them."""
        self.start, self.at, self.proven = self.start[which], self.at[which], self.proven[which]

    def prove(self, frame: int, looks: Grey | None) -> None:
        """Let go of points that no longer look as when they were last proven; a frame without a picture proves none.

        Where the flow has lost most of them, those that still look alike do so by chance, and all are let go.
        """
        if looks is None:
            return
        if self.looked is not None and len(self):
            alike = seen_again(self.looked, self.proven, looks, self.at)
            self.keep(alike & (alike.mean() >= _LEAST_SHARE))
        self.proven, self.frame, self.looked = self.at.copy(), frame, looks

    def elsewhere(self, aimed: Points) -> NDArray[np.bool_]:
        """Which points cannot have gone to `aimed`, (n, 2) float32: the picture shows something else there.

        Where no picture was given, that is all of them. Evenly coloured ground looks like itself everywhere, so a point
        on it tells nothing.
        """
        if self.began is None or self.looked is None:
            return np.ones(len(self), dtype=np.bool_)
        telling = contrast(self.began, self.start) >= _LEAST_CONTRAST
        return telling & ~seen_again(self.began, self.start, self.looked, aimed)


class Pictures:
    """The picture of the frame at hand, made grey once."""

    def __init__(self, read: Callable[[int], NDArray[np.uint8]] | None) -> None:
        """Take what gives frame n as `grey` takes it; None where pictures are not given."""
        self._read = read
        self._last: tuple[int, Grey] | None = None

    def of(self, frame: int, size: tuple[int, int]) -> Grey | None:
        """(h, w) float32, None where pictures are not given."""
        if self._read is None:
            return None
        if self._last is None or self._last[0] != frame:
            self._last = (frame, grey(self._read(frame), size))
        return self._last[1]
