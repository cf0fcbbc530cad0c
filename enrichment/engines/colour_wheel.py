"""Flow as a picture: the hue says where to, the strength how far.

Our own wheel: right is red, down yellow-green, left cyan, up violet, as OpenCV's hue goes round; white stands still.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def colours(flow: NDArray[np.float32], largest: float | None = None) -> NDArray[np.uint8]:
    """Colour every pixel by its flow.

    Args:
        flow: (height, width, 2) float32, (u, v) in pixels.
        largest: length that gets full colour, in pixels; by default that of the 99th percentile, at least 1.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    length = np.hypot(flow[..., 0], flow[..., 1])
    full = largest if largest is not None else max(1.0, float(np.percentile(length, 99)))
    angle = np.degrees(np.arctan2(flow[..., 1], flow[..., 0])) % 360.0
    hsv = np.full((*flow.shape[:2], 3), 255, dtype=np.uint8)
    hsv[..., 0] = (angle / 2.0).astype(np.uint8) % 180
    hsv[..., 1] = np.clip(255.0 * length / max(full, 1e-6), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)
