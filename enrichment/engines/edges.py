"""Label maps of a reduced picture, brought to full size with their borders on the edges of the full picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def at_full_size(frame: NDArray[np.uint8], labels: NDArray[np.int16], *, snap: bool = True) -> NDArray[np.int16]:
    """Enlarge a label map and let a watershed in a narrow band around its borders find the edges.

    Args:
        frame: (height, width, 3) uint8 RGB.
        labels: (h, w) int16, 0 for none, of the reduced picture.
        snap: False leaves the borders as they are.

    Returns:
        (height, width) int16.
    """
    height, width = frame.shape[:2]
    if labels.shape == (height, width):
        return labels
    wide = np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.int16)
    if not snap:
        return wide
    reach = int(np.ceil(width / labels.shape[1])) * 2 + 1
    kernel = np.ones((reach, reach), np.uint8)
    same = cv2.dilate(wide, kernel) == cv2.erode(wide, kernel)
    markers = np.where(same, wide.astype(np.int32) + 1, 0)
    # Things too small to keep a core keep their outline as it is.
    lost = np.setdiff1d(np.unique(wide), np.unique(wide[same]))
    markers = np.where(np.isin(wide, lost), wide.astype(np.int32) + 1, markers).astype(np.int32)
    cv2.watershed(frame, markers)
    refined = np.where(markers > 0, markers - 1, wide).astype(np.int16)
    refined[[0, -1], :] = wide[[0, -1], :]
    refined[:, [0, -1]] = wide[:, [0, -1]]
    return refined
