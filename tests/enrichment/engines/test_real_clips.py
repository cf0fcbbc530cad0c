"""Proposals on a real clip: two hands among letter blocks on a printed mat."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from enrichment.engines.motion_segmentation import Proposal, ProposalTracker


@pytest.fixture(scope="module")
def proposed(samples: Path) -> tuple[NDArray[np.uint8], list[Proposal]]:
    """The twelfth frame and its proposals."""
    tracker = ProposalTracker()
    with av.open(str(samples / "blocks.mp4")) as clip:
        for decoded in islice(clip.decode(video=0), 12):
            picture = decoded.to_ndarray(format="rgb24")
            found = tracker.step(picture)
    return picture, found


def test_both_hands_are_found_and_called_hands(proposed: tuple[NDArray[np.uint8], list[Proposal]]) -> None:
    picture, found = proposed
    hands = [each for each in found if each.label_hint == "human_hand"]
    assert len(hands) == 2
    for hand in hands:
        red, green, blue = picture[hand.mask].mean(axis=0)
        assert red > green > blue > 90  # skin, and not the dark mat


def test_the_mat_is_the_support_and_most_of_the_picture(proposed: tuple[NDArray[np.uint8], list[Proposal]]) -> None:
    picture, found = proposed
    (mat,) = (each for each in found if each.label_hint == "support_surface")
    assert mat.mask.mean() > 0.5
    assert picture[mat.mask].mean() < 100


def test_blocks_are_found_one_by_one(proposed: tuple[NDArray[np.uint8], list[Proposal]]) -> None:
    _, found = proposed
    things = [each for each in found if each.label_hint == "obstacle_rigid" and each.confidence > 0.5]
    # A block covers about 8000 pixels here; pairs that touch may still be one.
    assert sum(3000 < each.mask.sum() < 20000 for each in things) >= 6
