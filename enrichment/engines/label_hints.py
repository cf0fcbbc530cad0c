"""What a tracked patch may be, as far as shape, colour and motion can honestly say, and how far to trust its mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.parts import thickness
from enrichment.engines.surfaces import Surfaces
from enrichment.engines.tracks import Track

Mask = NDArray[np.bool_]


def support(surface: NDArray[np.uint8], labels: NDArray[np.int16], surfaces: Surfaces) -> Mask:
    """The surface on which things stand: the one with the most area and the most contact with things.

    Args:
        surface: (height, width) uint8 surface numbers from 1, 0 for none.
        labels: (height, width) int16 track numbers, 0 for none.
        surfaces: the model behind `surface`.

    Returns:
        (height, width) bool, its visible part without the things on it; empty when there is no surface.
    """
    count = len(surfaces.coefficients)
    if count == 0:
        return np.zeros(surface.shape, dtype=bool)
    things = (labels > 0).astype(np.uint8)
    below = cv2.dilate(things, np.ones((7, 3), np.uint8), anchor=(1, 0)) > 0
    around = surface[below & (labels == 0)]
    areas = np.bincount(surface.ravel(), minlength=count + 1)[1:].astype(np.float64)
    contact = np.bincount(around.ravel(), minlength=count + 1)[1:].astype(np.float64)
    rows = np.arange(surface.shape[0], dtype=np.float64)[:, None] / surface.shape[0]
    height = np.bincount(surface.ravel(), (rows + 0 * surface).ravel(), minlength=count + 1)[1:] / np.maximum(
        areas, 1.0
    )
    # What stands stands on what is below it, and the support is seldom in the upper half of the picture alone.
    weight = (areas / max(1.0, areas.sum()) + contact / max(1.0, contact.sum())) * (0.2 + height)
    main = int(np.argmax(weight))
    colours = surfaces.coefficients[:, 0, :]
    alike = [k + 1 for k in range(count) if float(np.abs(colours[k] - colours[main]).max()) < 28.0]
    chosen = np.isin(surface, alike) & (labels == 0)
    closed = cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] > 0.005 * surface.size
    large[0] = False
    return np.asarray(large[pieces] & (labels == 0), dtype=np.bool_)


def support_confidence(support_mask: Mask, labels: NDArray[np.int16]) -> float:
    """More when the surface fills much of what the things leave free."""
    free = float((labels == 0).sum())
    return float(np.clip(0.35 + 0.6 * support_mask.sum() / max(1.0, free), 0.0, 0.95))


def mask_confidence(track: Track, mask: Mask, support_mask: Mask, labels: NDArray[np.int16]) -> float:
    """How far to trust a mask, 0..1: it was foretold well, is whole, stands on the support or moves by itself.

    Args:
        track: its history.
        mask: (height, width) bool in this frame.
        support_mask: (height, width) bool.
        labels: (height, width) int16, all tracks.
    """
    ring = (cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0) & ~mask
    on_support = float((support_mask | (labels > 0))[ring].mean()) if ring.any() else 0.0
    moved = min(1.0, track.moving_frames / 10.0)
    slender = float(np.clip((thickness(mask) - 2.0) / 4.0, 0.0, 1.0))
    if track.hand:
        moved = max(moved, 0.7)
    placed = max(on_support, moved)
    if not moved and track.border > 0.5:
        # Cut off by the picture's border and never moved: background as often as not.
        placed *= 0.5
    shape = max(float(np.clip((track.solid - 0.5) / 0.4, 0.0, 1.0)), 0.7 * moved)
    age = min(1.0, 0.5 + track.frames / 20.0)
    small = 1.0 if track.area < 0.2 * mask.size or moved else 0.4
    value = 0.15 + 0.35 * track.agreement + 0.5 * placed * shape
    return float(np.clip(value * (0.5 + 0.5 * slender) * age * small, 0.0, 0.98))


def label(track: Track) -> tuple[str, float]:
    """A label of the starter taxonomy and how sure it is, 0..1."""
    if track.hand and (track.border > 0.2 or track.moving_frames >= 10):
        return "human_hand", float(np.clip(0.35 + 0.4 * track.flesh + 0.02 * track.moving_frames, 0.0, 0.9))
    if track.mover and not track.hand:
        # The part of a manipulator that keeps touching the border is its arm, the part that has come free its hand.
        return ("robot_arm", 0.5) if track.border > 0.9 and track.elongated > 1.8 else ("gripper", 0.6)
    size = max(1.0, track.area) ** 0.5
    if track.net_way > 0.6 * size and track.moving_frames >= 5:
        return "target_object", float(np.clip(0.45 + 0.15 * track.net_way / size, 0.0, 0.85))
    if track.compact:
        return "obstacle_rigid", 0.5
    return "obstacle_rigid", 0.3
