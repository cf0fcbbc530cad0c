"""What happened between two frames, at the working size: flow, the camera's share of it, where the picture changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.camera import camera_motion, own_motion

Mask = NDArray[np.bool_]

_SETTLED_SPEED: Final = 0.25  # pixels per frame
_CHANGE: Final = 7  # grey levels; sensor noise stays below it after a 3x3 mean


@dataclass(frozen=True)
class FrameMotion:
    """Motion from the frame before to this one, in pixels of the working size.

    flow and own: (height, width, 2) float32, all of it and without the camera's share. camera: (2, 3) float32 affine.
    changed: (height, width) bool, where the picture itself changed: flow bleeds from a hand onto what lies still
    beside it.
    """

    flow: NDArray[np.float32]
    own: NDArray[np.float32]
    camera: NDArray[np.float32]
    changed: Mask

    @property
    def speed(self) -> NDArray[np.float32]:
        """Pixels per frame, (height, width) float32."""
        return np.linalg.norm(self.own, axis=2).astype(np.float32)

    @property
    def settled(self) -> Mask:
        """Where the picture stood still and nothing near it moved, (height, width) bool; nowhere while the camera
        moves.
        """
        if not np.array_equal(self.camera, np.eye(2, 3, dtype=np.float32)):
            return np.zeros(self.changed.shape, dtype=bool)
        busy = (self.changed | (self.speed > _SETTLED_SPEED)).astype(np.uint8)
        return np.asarray(cv2.dilate(busy, np.ones((7, 7), np.uint8)) == 0, dtype=np.bool_)

    def carry(self, labels: NDArray[np.int16], moving: Mask) -> NDArray[np.int16]:
        """Labels of pixels that move, where the flow takes them; the fastest lie on top.

        Args:
            labels: (height, width) int16 of the frame before, 0 for none.
            moving: (height, width) bool, which of them to carry.

        Returns:
            (height, width) int16, 0 where nothing arrives.
        """
        height, width = labels.shape
        ys, xs = np.nonzero(moving)
        order = np.argsort(np.linalg.norm(self.own[ys, xs], axis=1), kind="stable")
        ys, xs = ys[order], xs[order]
        to_x = np.rint(xs + self.flow[ys, xs, 0]).astype(np.intp)
        to_y = np.rint(ys + self.flow[ys, xs, 1]).astype(np.intp)
        inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
        arrived = np.zeros(labels.shape, dtype=np.int16)
        arrived[to_y[inside], to_x[inside]] = labels[ys[inside], xs[inside]]
        # Forward warping leaves cracks where the picture stretches; a small closing fills them.
        closed = cv2.morphologyEx(arrived, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        return np.where(arrived == 0, closed, arrived).astype(np.int16)

    def carried_by_camera(self, mask: Mask) -> Mask:
        """A mask of a thing at rest, where the camera's own motion puts it now."""
        if np.array_equal(self.camera, np.eye(2, 3, dtype=np.float32)):
            return mask
        height, width = mask.shape
        moved = cv2.warpAffine(mask.astype(np.uint8) * 255, self.camera, (width, height))
        return np.asarray(moved > 127, dtype=np.bool_)


def standing(height: int, width: int) -> FrameMotion:
    """No motion at all, for a first frame."""
    still = np.zeros((height, width, 2), dtype=np.float32)
    return FrameMotion(still, still, np.eye(2, 3, dtype=np.float32), np.zeros((height, width), dtype=bool))


def between(before: NDArray[np.uint8], after: NDArray[np.uint8], flow: NDArray[np.float32], free: Mask) -> FrameMotion:
    """Motion between two frames.

    Args:
        before: (height, width, 3) uint8 RGB.
        after: the same shape.
        flow: (h, w, 2) float32 from `before` to `after`, of any size, in pixels of that size.
        free: (height, width) bool, where nothing is that may move by itself.
    """
    height, width = after.shape[:2]
    if flow.shape[:2] != (height, width):
        stretch = np.array([width / flow.shape[1], height / flow.shape[0]], dtype=np.float32)
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) * stretch
    camera = camera_motion(flow, free)
    return FrameMotion(flow, own_motion(flow, camera), camera, _changed(before, after, camera))


def _changed(before: NDArray[np.uint8], after: NDArray[np.uint8], camera: NDArray[np.float32]) -> Mask:
    if not np.array_equal(camera, np.eye(2, 3, dtype=np.float32)):
        before = cv2.warpAffine(before, camera, before.shape[1::-1], borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    difference = cv2.blur(cv2.absdiff(before, after), (3, 3)).max(axis=2)
    return np.asarray(difference >= _CHANGE, dtype=np.bool_)
