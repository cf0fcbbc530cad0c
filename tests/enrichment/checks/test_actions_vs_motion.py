from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from annotation import scene
from enrichment.checks import actions_vs_motion
from enrichment.checks.actions_vs_motion import Inputs, Labelled
from enrichment.checks.observed_motion import Observed
from enrichment.checks.registry import Finding
from enrichment.engines.motion_features import MotionSeries
from review import drawing
from tests.enrichment.checks.shots import Shot, key_frames, late
from tests.enrichment.paced import REST, pick_and_place


@pytest.fixture(scope="session")
def seen(shot: Shot) -> Observed:
    """What masks on every frame let one see."""
    return shot.observed()


@pytest.fixture(scope="session")
def glimpsed(shot: Shot) -> Observed:
    """What masks on every fifteenth frame let one see."""
    return shot.observed(key_frames(shot.masks, 15))


@pytest.fixture(scope="session")
def unguided(shot: Shot) -> Observed:
    """What is seen when nobody drew a mask."""
    return shot.observed([{}] * len(shot.masks))


def check(observed: Observed, segments: Sequence[scene.Segment], fps: float = 30) -> list[Finding]:
    labelled = [Labelled(n, each.start, each.end, each.action, each.phase or "") for n, each in enumerate(segments)]
    return actions_vs_motion.run(Inputs.of(labelled, observed, fps))


@pytest.mark.parametrize("frames", [-4, -2, 0, 2, 4])
def test_true_labels_and_labels_of_a_slow_finger_raise_no_flag(
    shot: Shot, seen: Observed, glimpsed: Observed, unguided: Observed, frames: int
) -> None:
    segments = [*shot.truth.tasks, *late(shot.truth, frames)]
    for observed in (seen, glimpsed, unguided):
        assert check(observed, segments) == []


def test_a_grasp_half_a_second_late_is_the_one_thing_found(shot: Shot, seen: Observed) -> None:
    segments, _ = scene.grasp_label_late(shot.truth.segments, fps=30)
    [found] = check(seen, segments)
    grasp = next(each for each in segments if each.phase == "grasp")
    assert (found.start, found.end, found.severity) == (grasp.start, grasp.end, 3)
    assert found.evidence["segments"] == [segments.index(grasp)]
    assert "The grasp of frames" in found.reason


def test_masks_on_key_frames_suffice_to_find_it_with_a_still_camera(shot: Shot, glimpsed: Observed) -> None:
    segments, _ = scene.grasp_label_late(shot.truth.segments, fps=30)
    found = [segments[each.evidence["segments"][0]].phase for each in check(glimpsed, segments)]
    # With a camera that sways, what few masks tell is not enough to accuse anybody of anything.
    assert found == ([] if shot.truth.spec.camera_motion else ["grasp"])


def test_all_labels_half_a_second_late_are_found(shot: Shot, seen: Observed) -> None:
    assert check(seen, late(shot.truth, 15))


def test_a_mask_left_behind_does_not_put_true_labels_in_doubt(shot: Shot) -> None:
    masks, _ = shot.left_behind(shot.phase("lift").start)
    assert check(shot.observed(masks), shot.truth.segments) == []


def test_the_evidence_is_plain_json_and_draws_its_curves(shot: Shot, seen: Observed) -> None:
    segments, _ = scene.grasp_label_late(shot.truth.segments, fps=30)
    [found] = check(seen, segments)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    height, width = shot.size
    picture = drawing.evidence(told["evidence"], found.start, height=height, width=width)
    assert picture[-10:, :, 3].all(), "there is no chart at the foot of the picture"
    assert len({len(curve["values"]) for curve in told["evidence"]["series"]}) == 1


# What follows is written by hand: a hand that comes down, rests, goes up, goes aside, and a thing that it takes along.


def written(hand: list[tuple[int, float, float]], thing: list[tuple[int, float, float]] | None = None) -> Observed:
    """Motion from (frames, px per frame to the right, px per frame down) in a picture of 640x480."""

    def steps(parts: list[tuple[int, float, float]]) -> np.ndarray:
        return np.concatenate([np.tile((dx, dy), (frames, 1)) for frames, dx, dy in parts])

    velocity = steps(hand).astype(np.float32)
    count = len(velocity)
    tip = np.full((count, 2), 300, np.float32)
    none = np.zeros((0, count, 2), np.float32)
    tracks, ways = np.zeros(0, np.int64), np.zeros((count, 4), np.float32)
    motion = MotionSeries(0, np.ones(count, np.float32), velocity, tip, tracks, none, (480, 640), ways)
    return Observed(motion, {5: steps(thing)} if thing else {}, np.ones(count, bool))


PICK = [(30, 0.0, 8.0), (15, 0.0, 0.0), (20, 0.0, -8.0), (20, 8.0, 0.0), (15, 0.0, 0.0)]
TAKEN = [(45, 0.0, 0.0), (20, 0.0, -8.0), (20, 8.0, 0.0), (15, 0.0, 0.0)]


def only(phase: str, start: int, end: int, observed: Observed, **more: object) -> list[str]:
    labelled = [Labelled("a", start, end, "pick_and_place", phase)]
    given = Inputs(labelled, observed.motion, 30, things=observed.things, guided=observed.guided, **more)  # type: ignore[arg-type]
    return [found.evidence["kind"] for found in actions_vs_motion.run(given)]


@pytest.mark.parametrize(
    ("phase", "start", "end", "kinds"),
    [
        ("grasp", 30, 45, []),
        ("lift", 45, 65, []),
        ("transport", 65, 85, []),
        ("grasp", 5, 20, ["no_rest"]),
        ("lift", 5, 25, ["no_rise"]),
        ("lift", 74, 84, ["no_rise"]),
        ("grasp", 55, 65, ["already_moving"]),
        ("release", 60, 65, ["still_moving"]),
        ("release", 85, 100, []),
        ("somersault", 5, 25, []),
    ],
)
def test_each_phase_is_held_against_the_motion(phase: str, start: int, end: int, kinds: list[str]) -> None:
    assert only(phase, start, end, written(PICK, TAKEN)) == kinds


def test_a_transport_in_which_nothing_moves_is_found() -> None:
    still = written([(60, 0.0, 0.0), (30, 8.0, 0.0)])
    assert only("transport", 10, 40, still) == ["no_motion"]


def test_another_hands_work_does_not_put_a_grasp_in_doubt() -> None:
    """Thing 5 is under way when thing 6 is grasped; 6 leaves when the grasp ends, as it should."""
    observed = written(PICK, [(10, 0.0, 0.0), (60, 5.0, 0.0), (30, 0.0, 0.0)])
    both = Observed(observed.motion, {**observed.things, 6: written(PICK, TAKEN).things[5]}, observed.guided)
    assert only("grasp", 30, 45, observed) == ["already_moving"]
    assert only("grasp", 30, 45, both) == []


def test_where_nothing_tells_which_part_is_the_hand_a_lift_is_not_judged_by_its_direction() -> None:
    observed = written(PICK)
    blind = Observed(observed.motion, {}, np.zeros(len(observed.motion), bool))
    assert only("lift", 5, 25, observed) == ["no_rise"]
    assert only("lift", 5, 25, blind) == []


def test_a_gripper_that_closes_elsewhere_contradicts_the_grasp() -> None:
    opening = np.concatenate([np.full(15, 0.08), np.linspace(0.08, 0.02, 10), np.full(75, 0.02)])
    assert only("grasp", 30, 45, written(PICK), opening=opening) == ["not_closing"]
    assert only("grasp", 30, 45, written(PICK), opening=np.roll(opening, 17)) == []


def test_a_segment_that_leaves_the_clip_is_passed_over() -> None:
    assert only("grasp", 90, 140, written(PICK)) == []


@pytest.mark.parametrize("fps", [12, 30, 60, 120])
@pytest.mark.parametrize(("fastest", "kinds"), [(120.0, ["no_motion"]), (50.0, [])])
def test_what_stands_out_from_a_swaying_camera_does_not_hang_on_the_frame_rate(
    fps: int, fastest: float, kinds: list[str]
) -> None:
    motion = pick_and_place(fps, fastest)
    transport = Labelled("a", round(0.1 * REST * fps), round(0.8 * REST * fps), "pick_and_place", "transport")
    found = actions_vs_motion.run(Inputs([transport], motion, fps, guided=np.zeros(len(motion), np.bool_)))
    assert [each.evidence["kind"] for each in found] == kinds
