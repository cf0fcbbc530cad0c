"""Masks carried through pictures with known things in them, and shapes between two shapes."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from annotation.geometry.iou import mask_iou
from enrichment.carriers.flow import Flow
from enrichment.engine import DEVICES
from enrichment.engines.mask_flow import MaskFlow
from enrichment.engines.shape_interpolation import Between
from enrichment.errors import DuplicateCarrier, EngineInputError
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carried, Carrier, Keyframe, Stretch
from enrichment.propagation.pictures import Walk

HEIGHT, WIDTH = 120, 200


def ground() -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 25, (HEIGHT // 4, WIDTH // 4, 3))
    grain = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.full((HEIGHT, WIDTH, 3), (70, 120, 80)) + grain, 0, 255).astype(np.uint8)


def shape(frame: int, speed: float = 3.0) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (round(40 + speed * frame), 60), (22, 15), 0, 0, 360, 1, -1)
    return mask > 0


def picture(frame: int) -> np.ndarray:
    """A reddish, grainy ellipse that moves three pixels a frame over grainy green ground."""
    drawn = ground()
    texture = np.roll(np.random.default_rng(1).normal(0, 18, (HEIGHT, WIDTH, 3)), 3 * frame, axis=1)
    red = np.clip(np.array([190, 80, 60]) + cv2.GaussianBlur(texture, (5, 5), 0), 0, 255).astype(np.uint8)
    drawn[shape(frame)] = red[shape(frame)]
    return drawn


class Frames:
    """The pictures above as a clip's frames; counts how many are held between two requests."""

    def __init__(self) -> None:
        self.read_frames: list[int] = []

    def read(self, frame: int, /) -> np.ndarray:
        return picture(frame)

    def iterate(self, start: int = 0, end: int | None = None, step: int = 1) -> Iterator[tuple[int, np.ndarray]]:
        for frame in range(start, end or 40, step):
            self.read_frames.append(frame)
            yield frame, picture(frame)


def carried(stretch: Stretch) -> list[Carried]:
    return list(Flow().carry(Walk(Frames(), (HEIGHT, WIDTH)), stretch))


class TestWalk:
    def test_backwards_gives_the_same_pictures_in_the_other_order(self) -> None:
        walk = Walk(Frames(), (HEIGHT, WIDTH), piece_bytes=3 * HEIGHT * WIDTH * 4)
        back = list(walk.walk(13, 2))
        assert [frame for frame, _ in back] == list(range(13, 1, -1))
        assert all(np.array_equal(shown, picture(frame)) for frame, shown in back)
        assert [frame for frame, _ in walk.walk(2, 5)] == [2, 3, 4, 5]

    def test_it_holds_one_piece_however_long_the_way(self) -> None:
        frames = Frames()
        walk = Walk(frames, (HEIGHT, WIDTH), piece_bytes=3 * HEIGHT * WIDTH * 4).walk(30, 0)
        for count, _ in enumerate(walk, 1):
            assert len(frames.read_frames) <= count + 3
        assert len(frames.read_frames) == 31


class TestFlow:
    def test_a_moving_thing_is_followed_forwards_and_backwards(self) -> None:
        for near, last in ((0, 12), (30, 18)):
            came = carried(Stretch(Keyframe(near, shape(near)), last))
            assert [each.frame for each in came] == list(Stretch(Keyframe(near, shape(near)), last).frames)
            assert min(mask_iou(each.mask, shape(each.frame)) for each in came) > 0.9
            assert all(each.final and each.confidence > 0.4 for each in came)

    def test_colour_holds_what_flow_alone_loses(self) -> None:
        settled, alone = (MaskFlow(picture(0), shape(0), refine=refine) for refine in (True, False))
        for frame in range(1, 25):
            mine, theirs = settled.step(picture(frame)), alone.step(picture(frame))
        assert mask_iou(mine.mask, shape(24)) > 0.9
        assert mask_iou(mine.mask, shape(24)) > mask_iou(theirs.mask, shape(24)) + 0.02

    def test_between_two_keyframes_each_frame_comes_twice_and_the_second_stands(self) -> None:
        stretch = Stretch(Keyframe(0, shape(0)), 9, Keyframe(10, shape(10)))
        came = carried(stretch)
        assert [each.frame for each in came] == [*range(1, 10), *range(9, 0, -1)]
        assert [each.final for each in came] == [False] * 9 + [True] * 9
        assert min(mask_iou(each.mask, shape(each.frame)) for each in came[9:]) > 0.92
        assert Flow().passes(stretch) == 2

    def test_it_goes_on_where_an_interrupted_attempt_ended(self) -> None:
        whole = carried(Stretch(Keyframe(0, shape(0)), 8))
        came = {each.frame: each for each in whole[:4]}
        rest = carried(Stretch(Keyframe(0, shape(0)), 8, came=came))
        assert [each.frame for each in rest] == [5, 6, 7, 8]
        assert min(mask_iou(each.mask, shape(each.frame)) for each in rest) > 0.9
        first = {each.frame: Carried(each.frame, each.mask, each.confidence, False) for each in whole[:7]}
        again = carried(Stretch(Keyframe(0, shape(0)), 7, Keyframe(8, shape(8)), came=first))
        assert [each.frame for each in again] == list(range(7, 0, -1))

    def test_a_thing_that_leaves_the_picture_is_said_to_be_gone(self) -> None:
        thing = np.zeros((HEIGHT, WIDTH), dtype=bool)
        thing[40:80, 160:190] = True
        scenes = []
        for frame in range(14):
            drawn = ground()
            moved = np.zeros_like(thing)
            left = 160 + 5 * frame
            moved[40:80, left : left + 30] = True
            drawn[moved] = (200, 70, 50)
            scenes.append(drawn)
        follower = MaskFlow(scenes[0], thing)
        steps = [follower.step(scene) for scene in scenes[1:]]
        assert not steps[-1].mask.any()
        assert steps[-1].confidence == 0.0

    def test_what_a_thing_moves_away_from_is_not_left_in_its_mask(self) -> None:
        spot = np.zeros((HEIGHT, WIDTH), dtype=bool)
        spot[54:62, 58:64] = True

        def seen(frame: int) -> np.ndarray:
            drawn = ground()
            drawn[spot] = (190, 80, 60)
            drawn[shape(frame)] = picture(frame)[shape(frame)]
            return drawn

        follower = MaskFlow(seen(0), shape(0))
        for frame in range(1, 26):
            found = follower.step(seen(frame)).mask
        assert not (found & spot).any()
        assert mask_iou(found, shape(25)) > 0.85

    def test_an_empty_mask_is_refused(self) -> None:
        with pytest.raises(EngineInputError, match="with pixels"):
            MaskFlow(picture(0), np.zeros((HEIGHT, WIDTH), dtype=bool))


class TestShapes:
    def test_half_way_lies_half_way_in_place_and_size(self) -> None:
        small, large = np.zeros((2, 160, 200), np.uint8)
        cv2.circle(small, (40, 60), 10, 1, -1)
        cv2.circle(large, (120, 90), 40, 1, -1)
        expected = np.zeros((160, 200), np.uint8)
        cv2.circle(expected, (80, 75), 20, 1, -1)
        assert mask_iou(Between(small > 0, large > 0).at(0.5), expected) > 0.93

    def test_its_ends_are_the_keyframes(self) -> None:
        a, b = shape(0), shape(20)
        between = Between(a, b)
        assert mask_iou(between.at(0.0), a) > 0.98
        assert mask_iou(between.at(1.0), b) > 0.98
        assert between.likeness > 0.95

    def test_a_long_thing_turns_instead_of_vanishing(self) -> None:
        def stick(turn: float) -> np.ndarray:
            drawn = np.zeros((160, 160), np.uint8)
            corners = cv2.boxPoints(((80, 80), (100, 8), turn))
            return cv2.fillConvexPoly(drawn, np.rint(corners).astype(np.int32), 1) > 0

        assert mask_iou(Between(stick(0), stick(60)).at(0.5), stick(30)) > 0.75

    def test_it_may_lie_partly_outside_of_the_picture(self) -> None:
        a, b = np.zeros((2, 60, 60), dtype=bool)
        a[0:20, 0:20] = True
        b[0:20, 50:60] = True
        assert Between(a, b).at(0.5).any()
        with pytest.raises(EngineInputError, match="empty"):
            Between(a, np.zeros_like(a))


class TestRegistry:
    def test_every_carrier_says_what_it_is(self) -> None:
        assert {"flow", "interpolation", "sam2"} <= set(registry.every())
        for name, carrier in registry.every().items():
            assert (carrier.name, bool(carrier.title)) == (name, True)
            # One with weights does not know which before it is made.
            assert bool(carrier.version) == (carrier.checkpoints is None)
            assert carrier.method in {"propagated", "interpolated"}
            assert carrier.device in DEVICES

    def test_two_of_one_name_are_refused(self) -> None:
        class Other(Carrier):
            name = "flow"
            title = "Another"
            version = "1"

            def carry(self, pictures: object, stretch: Stretch) -> Iterator[Carried]:
                yield from ()

        registry.every()
        with pytest.raises(DuplicateCarrier, match="flow, interpolation"):
            registry.register(Other)
