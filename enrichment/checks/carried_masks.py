"""Points and masks on their way through a clip: what the flow does to them, and where they may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.geometry.rle import Rle
from enrichment.errors import EngineInputError

Mask = NDArray[np.bool_]
Points = NDArray[np.float32]
Motion = NDArray[np.float64]

_SPREAD: Final = 0.25
_MOST_POINTS: Final = 300
_HIDDEN_BY: Final = 2  # pixels around what hides a thing


class Scene:
    """The masks of one frame, each decoded once, at the flow's size."""

    def __init__(self, masks: Mapping[int, Rle], size: tuple[int, int]) -> None:
        """Decode and reduce.

        Args:
            masks: track number to COCO RLE of the picture's size.
            size: (h, w) of the flow in pixels.
        """
        self.size = size
        self._masks = {number: _reduced(mask, size) for number, mask in masks.items()}
        self._layers = np.zeros(size, dtype=np.uint8)
        for mask in self._masks.values():
            self._layers += mask
        sizes = [mask["size"] for mask in masks.values()]
        height, width = sizes[0] if sizes else size
        # (2,) what pixels (x, y) of the flow are multiplied by to be pixels of the picture.
        self.scale: Motion = np.array([width / size[1], height / size[0]])

    def mask(self, number: int) -> Mask:
        """(h, w) bool; empty for a track that has no mask here."""
        found = self._masks.get(number)
        return np.zeros(self.size, dtype=np.bool_) if found is None else found

    def others(self, number: int) -> Mask:
        """(h, w) bool, what other tracks cover, a little grown: a thing behind another shows only a part of itself."""
        return self.near(number, _HIDDEN_BY)

    def shared(self, number: int) -> float:
        """The share of a track's mask that other tracks cover, too, 0-1."""
        mask = self.mask(number)
        return float((self._layers[mask] > 1).mean()) if mask.any() else 0.0

    def near(self, number: int, reach: int) -> Mask:
        """(h, w) bool, what lies within so many pixels of other tracks."""
        covered = (self._layers > self.mask(number)).astype(np.uint8)
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        return np.asarray(cv2.dilate(covered, kernel) > 0, dtype=np.bool_)

    def unspoilt(self, points: Points, number: int, bleeding: int) -> Mask:
        """Which points are inside the picture and not so near to another track that its motion bleeds into the flow.

        Args:
            points: (n, 2) float32 (x, y).
            number: of the track that the points belong to.
            bleeding: pixels.

        Returns:
            (n,) bool.
        """
        height, width = self.size
        xs, ys = (np.rint(points[:, axis]).astype(np.intp) for axis in (0, 1))
        inside = (xs >= 0) & (ys >= 0) & (xs < width) & (ys < height)
        near = self.near(number, bleeding)
        return np.asarray(inside & ~near[np.clip(ys, 0, height - 1), np.clip(xs, 0, width - 1)], dtype=np.bool_)

    def centre_of(self, mask: Rle) -> Motion:
        """(2,) float64 (x, y), the centre of a mask of any frame in pixels of the flow; NaN for an empty one."""
        return centre_of(_reduced(mask, self.size))


def centre_of(mask: Mask) -> Motion:
    """(2,) float64 (x, y), pixels; NaN for an empty mask."""
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean(), ys.mean()]) if xs.size else np.full(2, np.nan)


def inner_points(mask: Mask) -> Points:
    """Evenly spread points inside a mask, away from its rim, where flow bleeds over.

    Args:
        mask: (h, w) bool.

    Returns:
        (n, 2) float32 (x, y), at most about 600.
    """
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    ys, xs = np.nonzero(depth > min(4.0, 0.5 * float(depth.max())))
    step = max(1, len(xs) // _MOST_POINTS)
    return np.stack([xs[::step], ys[::step]], axis=1).astype(np.float32)


def carry(points: Points, flow: NDArray[np.float32], size: tuple[int, int]) -> Points:
    """Where the flow takes points in one frame.

    Args:
        points: (n, 2) float32 (x, y).
        flow: (h, w, 2) float32.
        size: (h, w) that the flow must have.

    Returns:
        (n, 2) float32; flow that is not finite throws its points out of the picture.

    Raises:
        EngineInputError: the flow has another size.
    """
    if flow.shape[:2] != size:
        raise EngineInputError(
            f"The flow changes its size from {size[1]}x{size[0]} to {flow.shape[1]}x{flow.shape[0]} within the clip; "
            f"compute it again at one scale."
        )
    if not len(points):
        return points
    step = cv2.remap(flow, points[None, :, 0].copy(), points[None, :, 1].copy(), cv2.INTER_LINEAR)[0]
    landed = np.nan_to_num(points + step, nan=-1e4, posinf=-1e4, neginf=-1e4)
    return np.asarray(landed, dtype=np.float32)


def one_motion(start: Points, end: Points) -> tuple[Motion, NDArray[np.float64]]:
    """The similarity that most points follow, and every point's distance from it.

    Args:
        start: (n, 2) float32 (x, y).
        end: the same points later.

    Returns:
        (2, 3) float64 and (n,) float64 pixels. Least median of squares with a fixed seed; a motion that halves or
        doubles the size is no similarity of a thing, and the median translation stands in for it.
    """
    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffinePartial2D(start, end, method=cv2.LMEDS)
    if found is None or not 0.5 < float(np.hypot(found[0, 0], found[1, 0])) < 2.0:
        found = np.eye(2, 3)
        found[:, 2] = np.median(end - start, axis=0)
    moved = np.asarray(found, dtype=np.float64)
    return moved, np.linalg.norm(end - aimed(start, moved), axis=1)


def two_motions(start: Points, end: Points, moved: Motion, off: Mask) -> bool:
    """Whether the points off the first motion have one of their own.

    Flow that bled in from something in front fades with the distance; a second thing under the mask moves as one.

    Args:
        start: (n, 2) float32 (x, y).
        end: the same points later.
        moved: (2, 3) float64, the first motion.
        off: (n,) bool.
    """
    strayed = (end - aimed(start, moved))[off]
    second = np.median(strayed, axis=0)
    spread = float(np.median(np.linalg.norm(strayed - second, axis=1)))
    return spread < _SPREAD * float(np.hypot(*second))


def moved_mask(mask: Mask, moved: Motion) -> Mask:
    """A mask (h, w) bool after a motion (2, 3), as far as it is inside the picture."""
    height, width = mask.shape
    warped = cv2.warpAffine(mask.astype(np.uint8) * 255, moved, (width, height))
    return np.asarray(warped > 127, dtype=np.bool_)


def aimed(start: Points, moved: Motion) -> NDArray[np.float64]:
    """Where a motion (2, 3) takes points (n, 2); (n, 2) float64."""
    return np.asarray(start @ moved[:, :2].T + moved[:, 2], dtype=np.float64)


def _reduced(mask: Rle, size: tuple[int, int]) -> Mask:
    return at_size(rle.decode(mask), size)


def at_size(mask: NDArray[np.generic], size: tuple[int, int]) -> Mask:
    """A mask (height, width) as bool of another size (h, w), by the nearest pixel."""
    found = np.asarray(mask, dtype=np.uint8)
    if found.shape != size:
        found = np.asarray(cv2.resize(found, (size[1], size[0]), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return np.asarray(found > 0, dtype=np.bool_)
