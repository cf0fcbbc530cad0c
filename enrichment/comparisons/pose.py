"""Two poses: by how far the keypoints of the same person lie apart, in the picture or in space."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, frames_of, register, sampled
from enrichment.layers import pose_3d

_SURE: Final = 0.3

Points = NDArray[np.float64]


@register
class Pose(Comparer):
    """Mean distance of keypoints that both are sure of; people are paired by it."""

    layers = ("pose", "pose_corrected")

    def compare(self, before: Side, after: Side) -> Differences:
        """Frames on which one version sees more people are listed: the distance says nothing of those."""
        old, new = before.open(), after.open()
        if len(old.names) != len(new.names):
            said = f"{len(old.names)} keypoints in the older version, {len(new.names)} in the newer one"
            return Differences(remarks=[f"They cannot be compared by keypoints: there are {said}."])
        sides = [
            [[_sure(points) for _, points in side.people(frame)] for side in (old, new)] for frame in _frames(before)
        ]
        values, rows = _measured(_frames(before), sides)
        return Differences(
            "mean distance of keypoints",
            "px",
            0.0,
            values,
            rows[:MOST_ROWS],
            sampled(before.clip.frame_count) + beyond(rows),
        )

    def words(self, side: Side, frame: int) -> list[str]:
        """Who is seen, and how surely."""
        people = side.open().people(frame)
        return [f"person {track}: mean confidence {points[:, 2].mean():.2f}" for track, points in people] or ["nobody"]


@register
class PoseInSpace(Comparer):
    """The same in metres."""

    layers = ("pose_3d",)

    def compare(self, before: Side, after: Side) -> Differences:
        """By frame, as both list them."""
        old, new = (_by_frame(side) for side in (before, after))
        frames = sorted({*old, *new})
        chosen = [frames[at] for at in frames_of(len(frames))]
        sides = [[side.get(frame, []) for side in (old, new)] for frame in chosen]
        values, rows = _measured(chosen, sides)
        remarks = [side.json(pose_3d.META_FILE)["nothing_because"] for side in (before, after)]
        return Differences(
            "mean distance of keypoints", "m", 0.0, values, rows[:MOST_ROWS], [each for each in remarks if each]
        )

    def words(self, side: Side, frame: int) -> list[str]:
        """How far away who is."""
        said = []
        for points in _by_frame(side).get(frame, []):
            away = points[:, 2][np.isfinite(points[:, 2])]
            said.append(f"a person {np.median(away):.2f} m away" if away.size else "a person, not placed")
        return said


def distance(a: Points, b: Points) -> float:
    """Mean distance of the points (n, d) that both have; infinite where there are none. NaN is a point not seen."""
    lengths = np.linalg.norm(a - b, axis=1)
    known = lengths[np.isfinite(lengths)]
    return float(known.mean()) if known.size else float("inf")


def _measured(frames: list[int], sides: list[list[list[Points]]]) -> tuple[dict[int, float], list[Row]]:
    """The mean distance of paired people by frame, and the frames on which the versions see more or fewer people."""
    values, rows = {}, []
    for frame, (a, b) in zip(frames, sides, strict=True):
        if len(a) != len(b):
            rows.append(Row(frame, "people", str(len(a)), str(len(b))))
        apart = np.array([[distance(one, other) for other in b] for one in a]).reshape(len(a), len(b))
        cost = np.where(np.isfinite(apart), apart, 1e9)
        pairs = [apart[row, column] for row, column in zip(*linear_sum_assignment(cost), strict=True)]
        known = [value for value in pairs if np.isfinite(value)]
        if known:
            values[frame] = float(np.mean(known))
    return values, rows


def _frames(side: Side) -> list[int]:
    return frames_of(side.clip.frame_count)


def _sure(points: NDArray[Any]) -> Points:
    return np.where(points[:, 2:] >= _SURE, points[:, :2], np.nan).astype(np.float64)


def _by_frame(side: Side) -> dict[int, list[Points]]:
    placed = side.open().points
    found: dict[int, list[Points]] = {}
    for row, frame in enumerate(side.json(pose_3d.META_FILE)["frames"]):
        found.setdefault(int(frame), []).append(np.asarray(placed[row], dtype=np.float64))
    return found
