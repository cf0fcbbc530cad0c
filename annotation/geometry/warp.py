"""Carry a mask from one frame to another along optical flow."""

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry.rle import Mask

Flow = npt.NDArray[np.float32]


def forward(mask: Mask, flow: Flow) -> npt.NDArray[np.uint8]:
    """Push a mask of frame t to frame t+1 along the flow from t to t+1.

    Args:
        mask: (height, width) bool or uint8 at frame t.
        flow: (height, width, 2) float32 (u, v) in pixels from t to t+1; only its values inside the mask are used.
            Pixels whose flow is not finite are dropped.

    Returns:
        (height, width) uint8 of 0 and 1 at frame t+1. Every pixel is spread over the four it lands between; half a
        pixel's worth counts as inside, and gaps of one pixel, which stretching leaves, are closed.

    Raises:
        ValueError: the shapes do not belong together.
    """
    _check(mask, flow)
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    moved = np.stack([xs, ys], axis=1) + flow[ys, xs]
    moved = moved[np.isfinite(moved).all(axis=1)]
    # Far outside is outside: keeps the cast to whole numbers from overflowing.
    moved = moved[((moved > -1) & (moved < (width, height))).all(axis=1)].astype(np.float64)
    corner = np.floor(moved).astype(np.int64)
    part = moved - corner
    stride = width + 2
    weight = np.zeros((height + 2) * stride)
    for dy in (0, 1):
        for dx in (0, 1):
            share = (part[:, 0] if dx else 1 - part[:, 0]) * (part[:, 1] if dy else 1 - part[:, 1])
            at = (corner[:, 1] + 1 + dy) * stride + corner[:, 0] + 1 + dx
            weight += np.bincount(at, weights=share, minlength=weight.size)
    landed = (weight.reshape(height + 2, stride) >= 0.5 - 1e-6).astype(np.uint8)
    closed = cv2.morphologyEx(landed, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8), borderValue=0)
    return np.ascontiguousarray(closed[1:-1, 1:-1], dtype=np.uint8)


def backward(mask: Mask, flow: Flow) -> npt.NDArray[np.uint8]:
    """Pull a mask of frame t+1 back to frame t with the flow from t to t+1.

    With the flow from t+1 to t it brings a mask of frame t to t+1.

    Args:
        mask: (height, width) bool or uint8 at the frame the flow points to.
        flow: (height, width, 2) float32 (u, v) in pixels, at the frame the result is for.

    Returns:
        (height, width) uint8 of 0 and 1: mask(x + u, y + v), interpolated and cut at one half; outside the picture is
        0.

    Raises:
        ValueError: the shapes do not belong together.
    """
    _check(mask, flow)
    height, width = mask.shape
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    finite = np.isfinite(flow).all(axis=2)
    map_x = np.where(finite, xs + flow[..., 0], np.float32(-2))
    map_y = np.where(finite, ys + flow[..., 1], np.float32(-2))
    inside = (np.asarray(mask) != 0).astype(np.float32)
    pulled = cv2.remap(inside, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return (pulled >= 0.5).astype(np.uint8)


def _check(mask: Mask, flow: Flow) -> None:
    if mask.ndim != 2 or flow.shape != (*mask.shape, 2):
        raise ValueError(f"A mask (height, width) needs a flow (height, width, 2); got {mask.shape} and {flow.shape}.")
