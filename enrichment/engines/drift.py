"""How well a mask, carried along the flow, agrees with the mask on the next frame: low where a track jumps or leaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import warp
from annotation.geometry.rle import Rle, decode_box

Box = tuple[int, int, int, int]

# Farther than so many pixels of the flow in one frame is no motion but an error of the flow.
_FARTHEST: Final = 64


@dataclass(frozen=True)
class Patch:
    """A mask at the flow's size: uint8 of 0 and 1, with its upper left corner (x, y) there."""

    inside: NDArray[np.uint8]
    corner: tuple[int, int]

    @classmethod
    def of(cls, mask: Rle, box: Box, size: tuple[int, int]) -> Patch:
        """Reduce a mask to the flow's (height, width) by area; only its box is decoded.

        Args:
            mask: COCO RLE at the clip's size.
            box: its tight (x, y, width, height) there.
            size: (h, w) of the flow in pixels.
        """
        part = decode_box(mask, box)
        if tuple(mask["size"]) == size:
            return cls(part, (box[0], box[1]))
        top, bottom, above, below = _span(box[1], box[3], mask["size"][0], size[0])
        left, right, before, after = _span(box[0], box[2], mask["size"][1], size[1])
        framed = cv2.copyMakeBorder(part * 255, above, below, before, after, cv2.BORDER_CONSTANT, value=[0])
        small = cv2.resize(framed, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        # What is thinner than a pixel of the flow keeps those that it fills most.
        least = min(127, int(small.max()) - 1)
        return cls((small > least).astype(np.uint8), (left, top))


def agreement(before: Patch, after: Patch, flow: NDArray[np.float32]) -> float:
    """IoU of a mask carried along the flow with the mask on the next frame.

    Args:
        before: the mask on frame t.
        after: the mask on frame t + 1.
        flow: (h, w, 2) float32 (u, v) in pixels from t to t + 1.

    Returns:
        0 to 1.
    """
    (ax, ay), (bx, by) = before.corner, after.corner
    (ah, aw), (bh, bw) = before.inside.shape, after.inside.shape
    height, width = flow.shape[:2]
    motion = flow[ay : ay + ah, ax : ax + aw][before.inside > 0]
    reach = 1 + int(min(_FARTHEST, np.abs(motion).max(initial=0.0)))
    left, top = max(0, min(ax - reach, bx)), max(0, min(ay - reach, by))
    right, bottom = min(width, max(ax + aw + reach, bx + bw)), min(height, max(ay + ah + reach, by + bh))
    window = (bottom - top, right - left)
    moved = warp.forward(_on(before, left, top, window), flow[top:bottom, left:right])
    there = _on(after, left, top, window)
    union = int(np.count_nonzero(moved | there))
    return int(np.count_nonzero(moved & there)) / union if union else 1.0


def _on(patch: Patch, left: int, top: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    canvas = np.zeros(size, dtype=np.uint8)
    x, y = patch.corner[0] - left, patch.corner[1] - top
    canvas[y : y + patch.inside.shape[0], x : x + patch.inside.shape[1]] = patch.inside
    return canvas


def _span(start: int, length: int, full: int, small: int) -> tuple[int, int, int, int]:
    """The reduced pixels that a stretch touches, and by how many full ones they reach beyond it on either side."""
    first = start * small // full
    last = min(small, -(-(start + length) * small // full))
    last = max(last, first + 1)
    before = start - round(first * full / small)
    after = round(last * full / small) - (start + length)
    return first, last, max(0, before), max(0, after)
