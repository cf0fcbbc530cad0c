"""Hands: large patches of skin belong to them, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines import parts
from enrichment.engines.frame_motion import FrameMotion
from enrichment.engines.tracks import Track

Mask = NDArray[np.bool_]

_HAND_AREA: Final = 0.003  # smallest patch of skin that is taken for a hand, share of the picture
_HOLDING_AREA: Final = 0.01  # … when it neither reaches in from the border nor was one before
_HAND_SPEED: Final = 0.5  # working pixels per frame


def claim_hands(
    smoothed: NDArray[np.uint8],
    foreground: Mask,
    predicted: NDArray[np.int16],
    motion: FrameMotion,
    tracks: Mapping[int, Track],
    new_track: Callable[[Mask, NDArray[np.float32]], int],
) -> NDArray[np.int16]:
    """Give every hand its skin, follow hands that left and come back, and found new ones.

    Args:
        smoothed: (height, width, 3) uint8 RGB.
        foreground: (height, width) bool.
        predicted: (height, width) int16 track numbers, changed in place: what is skin is a hand's, what is not is not.
        motion: from the frame before.
        tracks: all tracks by number.
        new_track: makes a track of a mask and a colour signature and gives its number.

    Returns:
        (height, width) int16, the number of the hand that owns each pixel of skin, 0 elsewhere.
    """
    least = round(_HAND_AREA * foreground.size)
    owned = np.zeros(foreground.shape, dtype=np.int16)
    hands = [number for number, track in tracks.items() if track.hand]
    patches = [
        patch
        for patch in parts.flesh_patches(smoothed, foreground, least)
        if _is_a_hand(patch, foreground, predicted, motion, hands)
    ]
    flesh = np.any(patches, axis=0) if patches else np.zeros_like(foreground)
    is_hand = np.isin(predicted, hands)
    predicted[(flesh & ~is_hand) | (is_hand & ~flesh)] = 0
    for patch in patches:
        around = cv2.dilate(patch.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
        numbers, counts = np.unique(predicted[around & np.isin(predicted, hands)], return_counts=True)
        inside = [int(number) for number, count in zip(numbers, counts, strict=True) if count > 0.15 * patch.sum()]
        if len(inside) > 1:
            # Two hands that touch: the flow tells them apart, the rest is left to the watershed.
            keep = patch & np.isin(predicted, inside)
            owned[keep] = predicted[keep]
            continue
        number = int(numbers[np.argmax(counts)]) if len(numbers) else 0
        if number and (owned == number).any() and not (around & (owned == number)).any():
            number = 0  # that hand is elsewhere already: two hands that had touched come apart
        if not number and patch.sum() >= 2 * least:
            number = _missing_hand(patch, tracks) or new_track(patch, parts.colour_signature(smoothed, patch))
            tracks[number].hand = True
        if number:
            owned[patch] = number
            predicted[patch] = number
    return owned


def _is_a_hand(
    patch: Mask, foreground: Mask, predicted: NDArray[np.int16], motion: FrameMotion, hands: list[int]
) -> bool:
    """Wood and cardboard have the colour of skin too, but they neither reach in from outside, nor move, nor hold."""
    if parts.at_border(patch) or np.isin(predicted[patch], hands).mean() > 0.2:
        return True
    moves = (motion.speed[patch] > _HAND_SPEED).mean() > 0.6 and motion.changed[patch].mean() > 0.05
    if patch.mean() > _HOLDING_AREA and moves:
        return True
    return _holds_something(patch, foreground, predicted)


def _holds_something(patch: Mask, foreground: Mask, predicted: NDArray[np.int16]) -> bool:
    """A hand that rests on a thing is part of a larger patch of foreground; a box of that colour is a patch by
    itself.
    """
    if patch.mean() < _HOLDING_AREA or (predicted[patch] == 0).mean() < 0.7:
        return False
    _, labels = cv2.connectedComponents(foreground.astype(np.uint8), connectivity=8)
    around = labels == np.bincount(labels[patch]).argmax()
    return bool(patch.sum() < 0.6 * around.sum())


def _missing_hand(patch: Mask, tracks: Mapping[int, Track]) -> int:
    """A hand that left the picture where one comes in now, the last one first; 0 for none."""
    gone = [(track.seen, number) for number, track in tracks.items() if track.hand and not track.visible]
    for _, number in sorted(gone, reverse=True):
        near = cv2.dilate(tracks[number].outline.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
        if (near & patch).any():
            return number
    return 0
