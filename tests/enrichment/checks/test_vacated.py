"""Masks that stay where their thing no longer is: a square with an outline that is there, and then is not."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from enrichment.checks import flow_vs_segmentation
from enrichment.checks.carried_masks import Scene
from enrichment.checks.flow_vs_segmentation import Inputs, TrackMasks
from enrichment.checks.patches import grey
from enrichment.checks.registry import Finding
from enrichment.checks.vacated import Vacancies
from tests.enrichment.checks.test_flow_vs_segmentation import moving, pattern, square, track

Picture = Callable[[int], NDArray[np.uint8]]
LEFT_AT = 15
# A ground with a little grain, as a table has: on one as loud as the thing half of an outline looks alike by chance.
EMPTY = np.asarray(90 + np.where(square(36) > 0, pattern(0), pattern(36)) // 8, np.uint8)
THERE = np.where(square(36) > 0, pattern(36), EMPTY)


def leaves(frame: int) -> NDArray[np.uint8]:
    """The square is there until LEFT_AT."""
    return THERE if frame < LEFT_AT else EMPTY


def stays(frames: Iterable[int], label: str = "target_object") -> TrackMasks:
    return track({frame: square(36) for frame in frames}, label=label)


def found(picture: Picture, *tracks: TrackMasks) -> list[Finding]:
    """What is said where flow sees nothing move."""
    return flow_vs_segmentation.run(Inputs(tracks, lambda _: moving(36, 0.0), picture))


@pytest.mark.parametrize("every", [1, 10])
def test_a_mask_whose_thing_has_gone_is_found_on_all_frames_and_on_key_frames(every: int) -> None:
    [only] = found(leaves, stays(range(0, 41, every)))
    assert (only.evidence["kind"], only.evidence["tracks"], only.severity) == ("vacated", [1], 3)
    assert LEFT_AT <= only.start < LEFT_AT + max(6, every)
    assert "its thing seems to have left it" in only.reason
    assert only.evidence["masks"][0]["frame"] == only.start


def test_looking_back_holds_a_bit_for_a_pixel_of_every_tracks_mask() -> None:
    vacancies, tracks = Vacancies(20, 0.9, ()), {1: stays(range(31))}
    size = square(36).shape
    for frame in range(31):
        scene, looks = Scene({1: tracks[1].masks[frame]}, size), grey(THERE, size)
        assert list(vacancies.step(frame, scene, looks, tracks)) == []
    held = pickle.dumps(replace(vacancies._looks[1][0], looks=np.zeros(0, np.float32)))
    assert len(held) < square(36).size / 2
    assert np.array_equal(vacancies._looks[1][0].mask, square(36) > 0)


@pytest.mark.parametrize("label", ["human_hand", "support_surface"])
def test_what_bends_or_lies_under_everything_is_left_alone(label: str) -> None:
    assert found(leaves, stays(range(41), label)) == []


def test_less_light_takes_no_outline_away() -> None:
    assert found(lambda frame: (THERE * (1.0 - frame / 80)).astype(np.uint8), stays(range(41))) == []


def test_what_changes_all_around_a_thing_does_not_take_it_away() -> None:
    """As when a shadow leaves it: the outline looks otherwise, and within lies what lay there."""
    mask, core = square(20, 20, side=56) > 0, square(30, 30, side=36) > 0
    ground = (90 + pattern(0) // 8).astype(np.uint8)
    grains = np.random.default_rng(1).integers(40, 200, (24, 24), np.uint8)
    thing = np.where(mask, grains.repeat(4, axis=0).repeat(4, axis=1), ground)
    drawn = track(dict.fromkeys(range(41), mask.astype(np.uint8)))
    assert found(lambda frame: thing if frame < LEFT_AT else np.where(core, thing, ground), drawn) == []
    [only] = found(lambda frame: thing if frame < LEFT_AT else ground, drawn)
    assert only.evidence["kind"] == "vacated"


def test_a_camera_that_sways_takes_no_outline_away() -> None:
    def swaying(frame: int) -> NDArray[np.uint8]:
        return np.roll(THERE, round(2 * np.sin(frame / 5)), axis=1)

    assert found(swaying, stays(range(41))) == []


def test_what_another_mask_covers_is_not_gone() -> None:
    """From LEFT_AT on something with a mask of its own lies over all but a strip of the square."""
    front = track({frame: square(26, 22, side=36) for frame in range(LEFT_AT, 41)}, number=2, label="obstacle_rigid")
    back = track({frame: square(36) if frame < LEFT_AT else square(62, side=4) for frame in range(41)})

    def covered(frame: int) -> NDArray[np.uint8]:
        picture = THERE.copy()
        if frame >= LEFT_AT:
            picture[22:58, 26:62] = 90
        return picture

    assert found(covered, back, front) == []


def test_a_thing_that_comes_out_from_behind_fingers_and_leaves_is_missed_where_its_outline_showed_before() -> None:
    """Fingers with a mask hide its sides while it is held; the mask keeps the part between them."""
    fingers = square(30, 24, side=10) | square(56, 24, side=10)
    held = {frame: square(36) if frame < 9 else square(36) & (1 - fingers) for frame in range(41)}
    gripper = track(dict.fromkeys(range(9, 18), fingers), number=2, label="gripper")

    def seen(frame: int) -> NDArray[np.uint8]:
        picture = leaves(frame).copy()
        if 9 <= frame < 18:
            picture[fingers.astype(bool)] = 20
        return picture

    kinds = [(each.evidence["kind"], each.evidence["tracks"]) for each in found(seen, track(held), gripper)]
    assert kinds == [("vacated", [1])]
