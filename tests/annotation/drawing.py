"""What a hand would draw, for tests."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.auth.models import User

from annotation import masks, tracks
from annotation.geometry import rle
from annotation.models import Clip, Mask, Task, Track


def disc(
    clip: Clip, *, x: float | None = None, y: float | None = None, radius: float | None = None
) -> npt.NDArray[np.uint8]:
    """(height, width) mask of a disc, in the middle and a quarter of the height wide unless told otherwise."""
    x, y = clip.width / 2 if x is None else x, clip.height / 2 if y is None else y
    radius = clip.height / 4 if radius is None else radius
    rows, columns = np.mgrid[: clip.height, : clip.width]
    return ((columns - x) ** 2 + (rows - y) ** 2 <= radius**2).astype(np.uint8)


def draw(
    task: Task, by: User, mask: npt.NDArray[np.uint8], *, frame: int = 0, label: str = "target_object", **more: Any
) -> tuple[Track, Mask]:
    """A new track with one mask."""
    track = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label=label).mine.of
    counts = rle.encode(mask)["counts"]
    saved = masks.save(
        task=task, id=uuid.uuid4(), track_id=track.pk, frame=frame, counts=counts, base_version=0, by=by, **more
    )
    return track, saved.mine.of
