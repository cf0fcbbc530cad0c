"""Layers as see-through pictures over the clip: depth in colours, keypoints and boxes as lines. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_LINE = (64, 224, 255, 255)
_POINT = (255, 240, 96, 255)
_SURE = 0.05  # less confident points are not drawn


def depth_colours(millimetres: NDArray[np.uint16]) -> Picture:
    """Near is warm and far is cold, between the 2nd and 98th percentile of this picture.

    Args:
        millimetres: (h, w), 0 where nothing is known.

    Returns:
        (h, w, 4) uint8 RGBA, transparent where nothing is known.
    """
    known = millimetres > 0
    coloured = np.zeros((*millimetres.shape, 4), np.uint8)
    if not known.any():
        return coloured
    near, far = np.percentile(millimetres[known], (2, 98))
    nearness = 1 - np.clip((millimetres.astype(np.float64) - near) / max(far - near, 1.0), 0, 1)
    turbo = cv2.applyColorMap((nearness * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    coloured[..., :3] = cv2.cvtColor(turbo, cv2.COLOR_BGR2RGB)
    coloured[..., 3] = np.where(known, 255, 0)
    return coloured


def keypoints(
    size: tuple[int, int],
    people: Sequence[NDArray[np.float64]],
    skeleton: Sequence[tuple[int, int]],
) -> Picture:
    """Joints and bones.

    Args:
        size: (height, width) of the clip in pixels.
        people: per person (k, 3): x, y in pixels and the confidence or visibility.
        skeleton: pairs of 0-based joints.

    Returns:
        (height, width, 4) uint8 RGBA.
    """
    canvas = np.zeros((*size, 4), np.uint8)
    wide = max(1, round(max(size) / 400))
    for person in people:
        seen = person[:, 2] > _SURE
        spots = [(round(float(x)), round(float(y))) for x, y, _ in person]
        for a, b in skeleton:
            if max(a, b) < len(spots) and seen[a] and seen[b]:
                cv2.line(canvas, spots[a], spots[b], _LINE, wide, cv2.LINE_8)
        for spot, shown in zip(spots, seen, strict=True):
            if shown:
                cv2.circle(canvas, spot, 2 * wide, _POINT, -1, cv2.LINE_8)
    return canvas


def boxes(size: tuple[int, int], found: Sequence[tuple[Sequence[float], str]]) -> Picture:
    """Boxes with their words.

    Args:
        size: (height, width) of the clip in pixels.
        found: ((x, y, width, height) in pixels, what to write at the box) each.

    Returns:
        (height, width, 4) uint8 RGBA.
    """
    canvas = np.zeros((*size, 4), np.uint8)
    wide = max(1, round(max(size) / 500))
    for (x, y, width, height), words in found:
        left, top = round(x), round(y)
        cv2.rectangle(canvas, (left, top), (round(x + width) - 1, round(y + height) - 1), _LINE, wide)
        scale = max(0.35, max(size) / 2200)
        (across, up), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        foot = top if top > up + below else top + up + below
        left = max(0, min(left, size[1] - across))
        cv2.rectangle(canvas, (left, foot - up - below), (left + across, foot), (16, 24, 32, 255), -1)
        cv2.putText(canvas, words, (left, foot - below // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, _POINT, 1, cv2.LINE_AA)
    return canvas
