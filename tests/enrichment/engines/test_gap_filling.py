from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from enrichment.engines import gap_filling, pose_corrections
from enrichment.engines.pose_corrections import Asked, Sightings
from enrichment.errors import EngineInputError

SECONDS = np.arange(20) / 30


def straight() -> np.ndarray:
    """(20, 3): a joint that goes to the right by 3 px a frame."""
    return np.stack([3.0 * np.arange(20), np.full(20, 50.0), np.full(20, 0.9)], axis=1)


def fill(path: np.ndarray, span: tuple[int, int], longest: float = 0.5) -> gap_filling.Filled:
    return gap_filling.fill(path, SECONDS, span, longest=longest, joint="left wrist of track 1")


def test_a_straight_way_stays_straight_whatever_the_gap_said() -> None:
    path = straight()
    path[8:11, :2] = 400, 400
    found = fill(path, (8, 11))
    assert found.frames.tolist() == [8, 9, 10]
    assert np.allclose(found.points, straight()[8:11, :2])
    assert found.anchors == (5, 6, 7, 11, 12, 13)


def test_a_curved_way_is_followed_closer_than_by_a_line_and_never_overshoots() -> None:
    path = straight()
    path[:, 1] = 50 + 40 * np.sin(np.arange(20) / 6)
    found, truth = fill(path, (6, 10)), path[6:10, 1]
    line = np.interp(np.arange(6, 10), [5, 10], path[[5, 10], 1])
    assert np.abs(found.points[:, 1] - truth).mean() < 0.5 * np.abs(line - truth).mean()
    step = straight()
    step[:, 1] = np.where(np.arange(20) < 10, 0.0, 100.0)
    between = fill(step, (8, 12)).points[:, 1]
    assert between.min() >= 0
    assert between.max() <= 100


def test_times_count_and_not_frames() -> None:
    """After a dropped frame the joint is twice as far on, and so is the middle of its way."""
    seconds = SECONDS.copy()
    seconds[10:] += 1 / 30
    path = straight()
    path[:, 0] = 90 * seconds
    found = gap_filling.fill(path, seconds, (9, 11), longest=0.5, joint="wrist")
    assert np.allclose(found.points[:, 0], 90 * seconds[9:11])


def test_it_is_as_sure_as_the_less_sure_of_its_ends() -> None:
    path = straight()
    path[11, 2] = 0.4
    assert fill(path, (8, 11)).confidence == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ((0, 3), "not surely seen before frames 0 to 2"),
        ((17, 20), "not surely seen after frames 17 to 19"),
        ((2, 18), "on frames 1 and 18 and not between: 0.57 s, and 0.50 s is the most"),
        ((18, 24), "not in the clip"),
        ((5, 5), "not in the clip"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_a_sentence(span: tuple[int, int], said: str) -> None:
    with pytest.raises(EngineInputError, match=said):
        fill(straight(), span)


NAMES = ["nose", "left_wrist"]


def annotations() -> list[dict[str, Any]]:
    """Track 1 on frames 0 to 19 with a nose and a wrist, but not on frame 9; track 2 on all of them, standing."""
    rows: list[dict[str, Any]] = []
    for frame in range(20):
        walking = {
            "track_id": 1,
            "keypoints": [3.0 * frame, 10.0, 0.9, 3.0 * frame, 50.0, 0.8],
            "bbox": [3 * frame] * 4,
        }
        standing = {"track_id": 2, "keypoints": [5.0, 5.0, 0.9, 7.0, 7.0, 0.9], "bbox": [0, 0, 9, 9]}
        rows += [
            {"image_id": frame, "score": 0.7} | each for each in (walking, standing) if (frame, each) != (9, walking)
        ]
    return rows


def corrected(*asked: Asked) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    seen = Sightings.among(annotations(), NAMES, asked, len(SECONDS), least=0.3)
    made, notes = pose_corrections.filled(seen, asked, SECONDS, longest=0.5)
    return list(pose_corrections.corrected(annotations(), seen, made)), notes


def test_only_the_asked_joint_of_the_asked_person_changes_and_says_so() -> None:
    made, (note,) = corrected(Asked(7, 1, ("left_wrist",), 4, 6))
    before = {(one["image_id"], one["track_id"]): one["keypoints"] for one in annotations()}
    for one in made:
        key = (one["image_id"], one["track_id"])
        if key in {(4, 1), (5, 1)}:
            assert one["interpolated"] == ["left_wrist"]
            assert one["keypoints"][:3] == before[key][:3], "the nose stays"
        else:
            assert "interpolated" not in one
            assert one["keypoints"] == before[key]
    assert note == {
        "number": 7,
        "method": "pchip",
        "from_frames": {"left_wrist": [1, 2, 3, 6, 7, 8]},
        "confidence": {"left_wrist": 0.8},
    }


def test_somebody_who_was_not_found_on_a_frame_is_put_there_with_nothing_else() -> None:
    made, _ = corrected(Asked(1, 1, ("left_wrist",), 9, 10))
    rows = [one for one in made if one["image_id"] == 9]
    (new,) = [one for one in rows if one["track_id"] == 1]
    assert new["keypoints"] == [0, 0, 0, 27.0, 50.0, 0.8]
    assert new["bbox"] == [27, 27, 27, 27]
    assert [one["id"] for one in made] == list(range(1, 41))


def test_one_correction_is_no_sighting_for_another() -> None:
    _, (first, second) = corrected(Asked(1, 1, ("left_wrist",), 4, 6), Asked(2, 1, ("left_wrist",), 6, 8))
    assert first["from_frames"] == second["from_frames"] == {"left_wrist": [1, 2, 3, 8, 10, 11]}


def test_what_cannot_be_interpolated_is_left_out_with_the_reason_and_the_rest_is_made() -> None:
    made, (left, done) = corrected(Asked(1, 1, ("left_wrist",), 0, 2), Asked(2, 2, ("nose",), 4, 5))
    assert "not surely seen before" in str(left["left_out"])
    assert done["method"] == "pchip"
    assert sum("interpolated" in one for one in made) == 1


def test_somebody_is_put_on_a_frame_where_nobody_was_found() -> None:
    def alone() -> list[dict[str, Any]]:
        return [each for each in annotations() if each["track_id"] == 1]

    asked = [Asked(1, 1, ("left_wrist",), 9, 10)]
    seen = Sightings.among(alone(), NAMES, asked, len(SECONDS), least=0.3)
    made, _ = pose_corrections.filled(seen, asked, SECONDS, longest=0.5)
    rows = list(pose_corrections.corrected(alone(), seen, made))
    assert [one["image_id"] for one in rows] == list(range(20))
    assert [one["image_id"] for one in rows if "interpolated" in one] == [9]
