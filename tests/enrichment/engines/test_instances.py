"""Masks of single pictures made into tracks: how their overlap is measured."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from enrichment.engines import instances


def blobs(many: int, height: int, width: int) -> list[instances.Mask]:
    """Boxes of many sizes at many places, some of which overlap."""
    numbers = np.random.default_rng(3)
    found = []
    for _ in range(many):
        top, left = int(numbers.integers(height // 2)), int(numbers.integers(width // 2))
        mask = np.zeros((height, width), bool)
        mask[top : top + int(numbers.integers(1, height // 2)), left : left + int(numbers.integers(1, width // 2))] = 1
        found.append(mask)
    return found


def test_overlap_is_that_of_every_pixel_whatever_the_size_of_the_picture() -> None:
    some = blobs(7, 37, 53)  # no whole number of bytes
    told = instances.iou(some[:4], some[2:])
    assert told.shape == (4, 5)
    assert told == pytest.approx(np.array([[(a & b).sum() / (a | b).sum() for b in some[2:]] for a in some[:4]]))
    nothing = np.zeros((37, 53), bool)
    assert instances.iou([nothing], [nothing, some[0]]).tolist() == [[0.0, 0.0]]
    assert instances.iou([], some).shape == (0, 7)


def test_sixty_masks_of_a_large_picture_are_matched_in_less_memory_than_they_have() -> None:
    masks = blobs(60, 1080, 1920)
    held = sum(mask.nbytes for mask in masks)
    tracemalloc.start()
    try:
        told = instances.iou(masks, masks)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.diag(told) == pytest.approx(1.0)
    assert most < held
