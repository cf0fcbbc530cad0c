"""Demo clips and what an annotator would draw on them, both from the renderer that knows the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from annotation import scene

Masks = dict[int, npt.NDArray[np.bool_]]
# Pixels of an instance that is all but hidden; nobody draws those.
LEAST_PIXELS = 40


@dataclass(frozen=True)
class Footage:
    """A rendered clip: its file, what is true of it, and the masks of every frame by instance id."""

    path: Path
    truth: scene.SceneTruth
    masks: tuple[Masks, ...]


def render(spec: scene.SceneSpec, path: Path) -> Footage:
    """Render, encode and keep the instance masks in one pass."""
    masks: list[Masks] = []

    def keep(frame: scene.SceneFrame) -> None:
        masks.append(dict(_instances(frame.instances)))

    truth = scene.write_video(spec, path, each=keep)
    return Footage(path=path, truth=truth, masks=tuple(masks))


def by_another_hand(masks: tuple[Masks, ...], *, seed: int) -> tuple[Masks, ...]:
    """The same objects as a second person would outline them: a pixel wider here, a pixel tighter there.

    An object keeps its bias over the clip, as people do; what it is depends on the seed alone.
    """
    return tuple(
        {instance: _redrawn(mask, bias=(instance * 7 + seed) % 3 - 1) for instance, mask in frame.items()}
        for frame in masks
    )


def _instances(picture: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    for instance in np.unique(picture):
        mask = picture == instance
        # The wall is background, which nobody outlines.
        if instance and mask.sum() >= LEAST_PIXELS:
            yield int(instance), mask


def _redrawn(mask: npt.NDArray[np.bool_], *, bias: int) -> npt.NDArray[np.bool_]:
    """Smoothed as by a brush, then grown or shrunk by `bias` pixels."""
    drawn = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if bias > 0:
        drawn = cv2.dilate(drawn, np.ones((3, 3), np.uint8))
    elif bias < 0 and drawn.sum() > 20 * LEAST_PIXELS:
        drawn = cv2.erode(drawn, np.ones((3, 3), np.uint8))
    return drawn.astype(np.bool_) if drawn.any() else mask
