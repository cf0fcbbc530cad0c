"""The masks of one task on one frame, as a picture to lay over the frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.models import Mask, Task

FILL, EDGE = 77, 255  # of 255: filled at 30 %, outlined fully


def masks_png(task: Task, frame: int) -> bytes:
    """PNG, RGBA, of the clip's size: each mask in its label's colour."""
    size = (task.clip.height, task.clip.width)
    picture = np.zeros((*size, 4), np.uint8)
    drawn = Mask.objects.drawn().filter(task=task, frame=frame).select_related("head", "track__head__label")
    for mask in drawn.order_by("track__head__z_order", "track__number"):
        if mask.head is not None and mask.track.head is not None:
            pixels = rle.decode({"size": list(size), "counts": mask.head.counts})
            _lay(picture, pixels, mask.track.head.label.colour)
    # Few colours and large plain areas: the quickest compression is small enough.
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _lay(picture: NDArray[np.uint8], pixels: NDArray[np.uint8], colour: str) -> None:
    """Draw one mask, uint8 (height, width), into a BGRA picture of the same size."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    inside = pixels > 0
    picture[inside] = (blue, green, red, FILL)
    edge = inside & (cv2.erode(pixels, np.ones((3, 3), np.uint8)) == 0)
    picture[edge] = (blue, green, red, EDGE)
