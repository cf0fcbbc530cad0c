from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment import findings, registry
from enrichment.checkpoints import Pieces
from enrichment.checks import body_limits
from enrichment.checks.registry import Finding
from enrichment.engines import keypoints
from enrichment.layer import ClipFacts, Context, Product
from enrichment.layers.check_pose_time import Parameters, paths_of, pixels_per_metre
from enrichment.pose_files import FILE, PoseReader
from tests.enrichment.posed import write_pose

FRAMES, RATE = 60, 30.0
WRIST, ELBOW, SHOULDER = 10, 8, 6


def facts(rate: float = RATE) -> ClipFacts:
    seconds = tuple(n / rate for n in range(FRAMES))
    return ClipFacts(1, "c", "c.mp4", "0" * 64, 1, "mp4", "h264", 640, 480, 0, FRAMES, 2.0, rate, False, False, seconds)


def arm() -> NDArray[np.float32]:
    """(frames, 17, 3): a right arm that reaches to the right in a second and back; nothing else is seen."""
    points = np.zeros((FRAMES, 17, 3), np.float32)
    reach = 60 * np.sin(np.arange(FRAMES) / FRAMES * np.pi)
    for joint, (x, y) in {SHOULDER: (200, 100), ELBOW: (200, 180), WRIST: (262, 180)}.items():
        points[:, joint] = (x, y, 0.9)
    points[:, WRIST, 0] += reach
    points[:, ELBOW, 0] += reach
    return points


def product(tmp_path: Path, points: NDArray[np.float32], rate: float = RATE) -> Product:
    frames = [[keypoints.Person((150, 80, 200, 300), 0.9, own)] for own in points]
    clip = facts(rate)
    folder = ClipFolder(tmp_path / "clip")
    reader = PoseReader(write_pose(folder, frames, clip.seconds, 17, (480, 640)))
    layer = registry.get("check_pose_time")
    pieces = Pieces(ClipFolder(tmp_path / "pieces"), "check")
    context = Context(clip, None, folder, pieces, Parameters(), {"pose_corrected": reader})  # type: ignore[arg-type]
    layer.compute(context, layer.spans(FRAMES)[0])
    return layer.publish(context)


def checked(tmp_path: Path, points: NDArray[np.float32]) -> list[dict[str, object]]:
    return list(product(tmp_path, points).findings or ())  # type: ignore[arg-type]


def test_an_arm_that_reaches_raises_nothing(tmp_path: Path) -> None:
    assert checked(tmp_path, arm()) == []


def test_a_wrist_that_jumps_is_flagged_at_its_frames_and_drawn(tmp_path: Path) -> None:
    points = arm()
    points[30:32, WRIST, 0] += 200  # two thirds of a metre, in a thirtieth of a second
    (only,) = checked(tmp_path, points)
    assert (only["start"], only["end"], only["severity"]) == (30, 32, 3)
    assert "right wrist" in str(only["reason"])
    assert only["evidence"]["points"][0]["frame"] == 30  # type: ignore[index]


def test_a_wrist_that_trembles_is_flagged(tmp_path: Path) -> None:
    points = arm()
    points[20:40, WRIST, 0] += 8 * (-1.0) ** np.arange(20)
    assert {each["evidence"]["kind"] for each in checked(tmp_path, points)} == {"jitter"}  # type: ignore[index]


def test_too_few_pictures_for_trembling_are_told_beside_what_else_is_found(tmp_path: Path) -> None:
    points = arm()
    points[30:32, WRIST, 0] += 300
    made = product(tmp_path / "slow", points, rate=15.0)
    assert kinds(made.findings) == {"jump"}  # type: ignore[arg-type]
    assert "15 frames a second" in made.unjudged
    said = findings.written(ClipFolder(tmp_path / "slow" / "clip"), [file.path for file in made.files])
    assert said == (made.check, made.findings, made.unjudged)
    assert product(tmp_path / "quick", points).unjudged == ""
    points[:, :, 2] = 0
    assert product(tmp_path / "empty", points, rate=15.0).unjudged == "", "nobody's arm is seen"


def test_what_is_hardly_seen_is_no_jump_but_a_moment_in_which_the_joint_is_lost(tmp_path: Path) -> None:
    points = arm()
    points[30:32, WRIST] = (600, 400, 0.1)
    (only,) = checked(tmp_path, points)
    assert (only["start"], only["end"], only["severity"]) == (30, 32, 1)
    assert "frames 30 to 31 the right wrist" in str(only["reason"])
    assert only["evidence"]["keypoints"] == ["right_wrist"]  # type: ignore[index]


def test_what_is_hidden_for_long_or_seen_on_few_frames_is_not_called_lost(tmp_path: Path) -> None:
    points = arm()
    points[10:40, WRIST, 2] = 0.1  # a second
    assert checked(tmp_path, points) == []
    points = arm()
    points[::2, WRIST, 2] = 0.1
    points[:6, WRIST, 2] = 0.1
    assert checked(tmp_path / "other", points) == []


def test_somebody_of_whom_too_little_is_seen_is_not_judged(tmp_path: Path) -> None:
    points = arm()
    points[:, [SHOULDER, ELBOW], 2] = 0
    points[30:32, WRIST, 0] += 100
    assert checked(tmp_path, points) == []


def test_the_scale_is_that_of_the_longest_that_a_limb_appears(tmp_path: Path) -> None:
    checked(tmp_path, arm())
    reader = PoseReader(tmp_path / "clip" / FILE)
    paths = paths_of(reader, reader.tracks[0], FRAMES, 0.3)
    assert pixels_per_metre(paths) == pytest.approx(250, rel=0.25)


def test_of_two_people_each_has_their_own_path_and_none_where_they_are_not_sure(tmp_path: Path) -> None:
    frames = [[keypoints.Person((150, 80, 200, 300), 0.9, own)] for own in arm()]
    for frame in frames[20:40]:
        aside = frame[0].points + np.array([320, 0, 0], np.float32)
        frame.append(keypoints.Person((470, 80, 160, 300), 0.9, aside))
    for each in frames[30]:
        each.points[WRIST, 2] = 0.1
    reader = PoseReader(write_pose(ClipFolder(tmp_path / "clip"), frames, facts().seconds, 17, (480, 640)))
    first, second = (paths_of(reader, track, FRAMES, 0.3)["right_wrist"] for track in reader.tracks)
    assert np.flatnonzero(np.isfinite(first[:, 0])).tolist() == [n for n in range(FRAMES) if n != 30]
    assert np.flatnonzero(np.isfinite(second[:, 0])).tolist() == [n for n in range(20, 40) if n != 30]
    np.testing.assert_allclose(second[25] - first[25], (320, 0), atol=0.1)


LEFT, RIGHT = (9, 7, 5), (10, 8, 6)  # wrist, elbow, shoulder


def both_arms() -> NDArray[np.float32]:
    """(frames, 17, 3): the right arm of `arm`, and its mirror image on the left."""
    points = arm()
    points[:, LEFT] = points[:, RIGHT]
    points[:, LEFT, 0] = 340 - points[:, RIGHT, 0]
    return points


def kinds(found: list[dict[str, object]]) -> set[str]:
    return {each["evidence"]["kind"] for each in found}  # type: ignore[index]


def test_two_arms_that_reach_raise_nothing(tmp_path: Path) -> None:
    assert checked(tmp_path, both_arms()) == []


def test_left_and_right_that_change_places_for_some_frames_are_flagged_over_them(tmp_path: Path) -> None:
    points = both_arms()
    points[20:26] = points[20:26][:, [*range(5), 6, 5, 8, 7, 10, 9, *range(11, 17)]]
    swaps = checked(tmp_path, points)
    assert kinds(swaps) == {"swap"}
    assert {(each["start"], each["end"]) for each in swaps} == {(20, 26)}
    assert "the left and right wrist" in str([each["reason"] for each in swaps])
    assert ["left_wrist", "right_wrist"] in [each["evidence"]["keypoints"] for each in swaps]


def test_sides_that_never_change_back_are_flagged_but_not_to_be_interpolated(tmp_path: Path) -> None:
    points = both_arms()
    points[20:] = points[20:][:, [*range(5), 6, 5, 8, 7, 10, 9, *range(11, 17)]]
    swaps = checked(tmp_path, points)
    assert {(each["start"], each["end"]) for each in swaps} == {(20, 21)}
    assert {tuple(each["evidence"]["keypoints"]) for each in swaps} == {()}


def test_a_forearm_that_grows_slowly_to_twice_its_length_is_flagged(tmp_path: Path) -> None:
    """No frame is a jump, so only its length tells."""
    points = arm()
    points[50:, WRIST, 1] += np.linspace(0, 140, 10)
    found = checked(tmp_path, points)
    assert "stretch" in kinds(found)
    assert all(int(str(each["start"])) > 50 for each in found)


def finding(kind: str, label: str, start: int = 30, end: int = 33) -> Finding:
    return Finding("pose_vs_time", start, end, 2, f"{label}.", {"kind": kind, "label": label})


def test_a_swap_explains_jumps_and_stretches_of_its_own_joint_and_of_no_other() -> None:
    swap = finding("swap", "wrist")
    explained = [
        finding("jump", "right wrist"),
        finding("jump", "left wrist", 33, 34),  # changing back
        finding("stretch", "right elbow to right wrist"),
    ]
    unrelated = [
        finding("jump", "right ankle"),
        finding("jump", "right elbow"),
        finding("stretch", "left knee to left ankle"),
        finding("jump", "right wrist", 50, 51),  # long after
    ]
    assert body_limits.told_once([swap, *explained, *unrelated]) == [swap, *unrelated]


def test_a_jump_explains_the_stretch_of_the_bone_that_ends_in_it() -> None:
    jump = finding("jump", "right wrist")
    theirs, other = finding("stretch", "right elbow to right wrist"), finding("stretch", "left elbow to left wrist")
    assert body_limits.told_once([jump, theirs, other]) == [jump, other]
    # Nothing explains a swap.
    swap = finding("swap", "ankle")
    assert body_limits.told_once([jump, swap]) == [jump, swap]
