"""One pick and place in seconds and pixels a second, as any frame rate sees it."""

from __future__ import annotations

import numpy as np

from enrichment.engines.motion_features import MotionSeries

REST = 2.0  # seconds before the first stroke
# Seconds, to the right, down.
_STROKES = [
    *((REST, 0, 0), (0.8, 1, 0), (0.6, 0, 1), (0.5, 0, 0)),
    *((0.6, 0, -1), (0.8, 1, 0), (0.6, 0, 1), (0.5, 0, 0), (0.6, 0, -1), (0.5, 0, 0)),
]


def pick_and_place(fps: float, fastest: float) -> MotionSeries:
    """Strokes that begin and end slowly and reach `fastest` pixels a second, in a picture of 640x480."""
    parts = []
    for seconds, right, down in _STROKES:
        count = round(seconds * fps)
        parts.append(np.outer(np.sin(np.pi * (np.arange(count) + 0.5) / count) ** 2, (right, down)))
    velocity = np.concatenate(parts) * fastest / fps
    count = len(velocity)
    tip, none = (100 + np.cumsum(velocity, axis=0)).astype(np.float32), np.zeros((0, count, 2), np.float32)
    ways, ones = np.zeros((count, 4), np.float32), np.ones(count, np.float32)
    return MotionSeries(0, ones, velocity.astype(np.float32), tip, np.zeros(0, np.int64), none, (480, 640), ways)
