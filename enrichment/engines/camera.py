"""What the camera itself does between two frames, so that things that move can be told from a camera that moves."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_STILL: Final = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)


def camera_motion(flow: NDArray[np.float32], trusted: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """The affine motion that most of the picture follows.

    Args:
        flow: (height, width, 2) float32, pixels.
        trusted: (height, width) bool, where to look; None is everywhere. With fewer than 50 points the camera is taken
        to
            stand still.

    Returns:
        (2, 3) float32 that takes a point (x, y, 1) of this frame to where it lies in the next one. RANSAC with a
        tolerance
        of 0.5 pixels on a grid of about 1500 points; a motion below 0.05 pixels everywhere comes back as none.
    """
    height, width = flow.shape[:2]
    step = max(2, round((height * width / 1500) ** 0.5))
    ys, xs = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    if trusted is not None:
        keep = trusted[ys, xs]
        ys, xs = ys[keep], xs[keep]
    if ys.size < 50:
        return _STILL.copy()
    start = np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float32)
    end = start + flow[ys.ravel(), xs.ravel()]
    if np.median(np.abs(end - start)) < 0.05:
        return _STILL.copy()
    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffine2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=0.5, maxIters=500)
    if found is None:
        return _STILL.copy()
    return np.asarray(found, dtype=np.float32)


def own_motion(flow: NDArray[np.float32], camera: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flow without the camera's share.

    Args:
        flow: (height, width, 2) float32, pixels.
        camera: (2, 3) float32 as `camera_motion` gives it.

    Returns:
        (height, width, 2) float32, pixels.
    """
    if np.array_equal(camera, _STILL):
        return flow
    height, width = flow.shape[:2]
    xs = np.arange(width, dtype=np.float32)[None, :]
    ys = np.arange(height, dtype=np.float32)[:, None]
    share = np.empty_like(flow)
    for axis in (0, 1):
        share[..., axis] = camera[axis, 0] * xs + camera[axis, 1] * ys + camera[axis, 2]
    share[..., 0] -= xs
    share[..., 1] -= ys
    return flow - share
