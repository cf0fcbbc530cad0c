from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from enrichment.checks.patches import Followed, grey, likeness, seen_again

SIZE = (64, 96)


def speckled(seed: int = 0) -> NDArray[np.uint8]:
    """A surface with plenty to see, blobs of about four pixels."""
    coarse = np.random.default_rng(seed).integers(40, 200, (16, 24), dtype=np.uint8)
    return np.kron(coarse, np.ones((4, 4), np.uint8))


def points(*at: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(at, dtype=np.float32)


def seen(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return grey(picture, SIZE)


def test_a_place_is_like_itself_moved_in_shadow_and_noise_and_unlike_another() -> None:
    surface = speckled()
    shaded = np.clip(np.roll(surface, 7, axis=1) * 0.6 + np.random.default_rng(1).normal(0, 2, SIZE), 0, 255)
    start = points((30, 30), (50, 20))
    alike = likeness(seen(surface), start, seen(shaded.astype(np.uint8)), start + points((7, 0)))
    assert alike == pytest.approx([1.0, 1.0], abs=0.08)
    assert not seen_again(seen(surface), start, seen(shaded.astype(np.uint8)), start).any()


def test_even_ground_is_like_even_ground_but_not_like_what_has_a_pattern() -> None:
    """Sensor noise alone must not make two patches of a bare table differ."""
    noise = np.random.default_rng(2).normal(120, 1.5, (2, *SIZE)).astype(np.uint8)
    start = points((30, 30))
    assert seen_again(seen(noise[0]), start, seen(noise[1]), start + points((12, 5))).all()
    assert not seen_again(seen(noise[0]), start, seen(speckled()), start).any()


def test_points_that_look_different_where_they_landed_are_let_go() -> None:
    surface = speckled()
    after = np.roll(surface, 5, axis=1)
    followed = Followed.beginning(points((30, 30), (50, 20), (70, 40)), 0, seen(surface))
    followed.at = followed.start + points((5, 0), (5, 0), (20, 11))
    followed.prove(6, seen(after))
    assert followed.start.tolist() == [[30, 30], [50, 20]]
    assert (followed.frame, followed.proven.tolist()) == (6, [[35, 30], [55, 20]])


def test_where_most_are_lost_the_rest_are_not_believed_either() -> None:
    surface = speckled()
    followed = Followed.beginning(points((30, 30), (50, 20), (70, 40)), 0, seen(surface))
    followed.at = followed.start + points((0, 0), (20, 11), (9, 13))
    followed.prove(6, seen(surface))
    assert len(followed) == 0


def test_what_still_shows_where_a_motion_would_have_taken_it_does_not_refute_that_motion() -> None:
    surface = speckled()
    followed = Followed.beginning(points((30, 30), (50, 20)), 0, seen(surface))
    assert followed.elsewhere(followed.start).tolist() == [False, False]
    assert followed.elsewhere(followed.start + points((0, 0), (20, 11))).tolist() == [False, True]


def test_without_pictures_every_point_is_believed() -> None:
    followed = Followed.beginning(points((30, 30)), 0, None)
    followed.at = followed.start + points((40, 0))
    followed.prove(6, None)
    assert len(followed) == 1
    assert followed.elsewhere(followed.start).all()
