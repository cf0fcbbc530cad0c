"""Exact optical flow from geometry: each surface point is moved with its part and projected again."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.scene.raster import FIRST_PART, Buffer, View
from annotation.scene.rig import TABLE, WALL
from annotation.scene.spec import F32, F64, Bools

Indices = NDArray[np.int_]

_SLACK = np.float32(0.002)  # metres between a moved point and the surface found there, beyond the surface's own slope


def flow_between(
    now: tuple[Buffer, View, Sequence[F64]], then: tuple[Buffer, View, Sequence[F64]]
) -> tuple[F32, Bools]:
    """Forward flow and where it holds, from (buffer, view, poses of the parts) of two frames.

    Returns flow (height, width, 2) float32 in pixels (dx, dy), and valid (height, width) bool: the point lands inside
    the second picture, on a pixel that shows the same part at the same depth.
    """
    (buffer, view, poses), (after, next_view, next_poses) = now, then
    flow: F32 = np.zeros((view.height, view.width, 2), dtype=np.float32)
    landed: F32 = buffer.depth.copy()
    back = np.linalg.inv(view.world_to_camera)
    sway = next_view.world_to_camera @ back
    if not np.allclose(sway, np.eye(4), atol=1e-12):
        columns, rows = np.arange(view.width)[None, :], np.arange(view.height)[:, None]
        flow, landed = _move(view, sway, rows, columns, buffer.depth)
    for number in np.flatnonzero(np.bincount(buffer.part.ravel())):
        if number in (WALL, TABLE):
            continue
        k = int(number) - FIRST_PART
        moved = next_view.world_to_camera @ next_poses[k] @ np.linalg.inv(poses[k]) @ back
        if np.allclose(moved, sway, atol=1e-12):
            continue
        rows, columns = np.nonzero(buffer.part == number)
        flow[rows, columns], landed[rows, columns] = _move(view, moved, rows, columns, buffer.depth[rows, columns])
    return flow, _still_seen(buffer, after, flow, landed)


def _move(view: View, moved: F64, rows: Indices, columns: Indices, depth: F32) -> tuple[F32, F32]:
    """Flow (..., 2) and new depth (...) of the pixels at rows and columns, which broadcast to the shape of depth."""
    fx, fy, cx, cy = view.intrinsics
    x, y = (columns - cx) / fx, (rows - cy) / fy
    turn, shift = moved[:3, :3], moved[:3, 3]
    ahead = [(turn[i, 0] * x + turn[i, 1] * y + turn[i, 2]) * depth + shift[i] for i in range(3)]
    flow = np.empty((*depth.shape, 2), dtype=np.float32)
    flow[..., 0] = fx * ahead[0] / ahead[2] + (cx - columns)
    flow[..., 1] = fy * ahead[1] / ahead[2] + (cy - rows)
    return flow, ahead[2].astype(np.float32)


def _still_seen(buffer: Buffer, after: Buffer, flow: F32, landed: F32) -> Bools:
    height, width = buffer.depth.shape
    columns = np.rint(np.arange(width, dtype=np.float32)[None, :] + flow[..., 0])
    rows = np.rint(np.arange(height, dtype=np.float32)[:, None] + flow[..., 1])
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    x = np.clip(columns, 0, width - 1).astype(np.int32)
    y = np.clip(rows, 0, height - 1).astype(np.int32)
    # The point lands between pixels, so its depth may be anything that the pixels around it span.
    around = np.ones((3, 3), dtype=np.uint8)
    nearest, farthest = cv2.erode(after.depth, around), cv2.dilate(after.depth, around)
    same_depth = (landed >= nearest[y, x] - _SLACK) & (landed <= farthest[y, x] + _SLACK)
    seen: Bools = inside & same_depth & (after.part[y, x] == buffer.part)
    return seen
