"""What the keypoints of a body are called, how they hang together, and who is who from frame to frame.

Sources: COCO keypoints, Lin et al. 2014; COCO-WholeBody, Jin et al. 2020; object keypoint similarity, the COCO
challenge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from enrichment.engines import boxes

Points = NDArray[np.float32]

_SIDES: Final = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
BODY: Final = ("nose", *(f"{side}_{part}" for part in _SIDES for side in ("left", "right")))
_FEET: Final = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))
_FINGERS: Final = ("thumb", "index", "middle", "ring", "little")
_HAND: Final = ("root", *(f"{finger}_{joint}" for finger in _FINGERS for joint in range(1, 5)))
WHOLE_BODY: Final = (
    *BODY,
    *_FEET,
    *(f"face_{number}" for number in range(68)),
    *(f"{side}_hand_{part}" for side in ("left", "right") for part in _HAND),
)

# Pairs of 0-based keypoints, as COCO draws them.
_BODY_BONES: Final = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)),
    *((1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
_FOOT_BONES: Final = ((15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22))
_LEFT_HAND, _RIGHT_HAND = 91, 112
_HAND_BONES: Final = tuple(
    (first + (0 if joint == 1 else 4 * finger + joint - 1), first + 4 * finger + joint)
    for first in (_LEFT_HAND, _RIGHT_HAND)
    for finger in range(5)
    for joint in range(1, 5)
)
# How far people who label are apart, as a share of the person's size; other sets than COCO's take the mean.
_SPREADS: Final = np.array(
    [0.026, *[0.025] * 2, *[0.035] * 2, *[0.079] * 2, *[0.072] * 2, *[0.062] * 2, *[0.107] * 2, *[0.087] * 2]
    + [0.089] * 2
)
_SURE: Final = 0.2
_LEAST_LIKENESS: Final = 0.25
_FORGOTTEN_AFTER: Final = 1.0  # seconds that somebody may be unseen and still be the same

HANDS: Final = {"left_wrist": 9, "right_wrist": 10}


@dataclass(frozen=True)
class Person:
    """Somebody on one frame: box (x, y, width, height) in pixels and how sure it is, keypoints (k, 3) x, y, 0-1."""

    bbox: tuple[float, float, float, float]
    score: float
    points: Points


def names(count: int) -> tuple[str, ...]:
    """What the keypoints of a set of so many are called; numbers where the set is not known."""
    known = {len(BODY): BODY, len(WHOLE_BODY): WHOLE_BODY}
    return known.get(count, tuple(f"keypoint_{number}" for number in range(count)))


def bones(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of 0-based keypoints that hang together; none where the set is not known."""
    known = {len(BODY): _BODY_BONES, len(WHOLE_BODY): (*_BODY_BONES, *_FOOT_BONES, *_HAND_BONES)}
    return known.get(count, ())


def likeness(a: Person, b: Person) -> float:
    """How alike two persons lie, 0-1: the mean of object keypoint similarity and the overlap of their boxes."""
    overlap = float(boxes.iou(np.array([a.bbox]), np.array([b.bbox]))[0, 0])
    both = (a.points[:, 2] > _SURE) & (b.points[:, 2] > _SURE)
    if not both.any():
        return overlap
    spread = _SPREADS if len(a.points) == len(_SPREADS) else np.full(len(a.points), float(_SPREADS.mean()))
    area = max(1.0, (a.bbox[2] * a.bbox[3] + b.bbox[2] * b.bbox[3]) / 2)
    off = ((a.points[both, :2] - b.points[both, :2]).astype(np.float64) ** 2).sum(axis=1)
    # Between frames people move, which labelling the same frame twice does not: twice the spread.
    alike = float(np.exp(-off / (2 * area * (4 * spread[both]) ** 2)).mean())
    return (overlap + alike) / 2


def followed(
    frames: Iterable[Sequence[Person]], seconds: Iterable[float]
) -> Iterator[tuple[Sequence[Person], list[int]]]:
    """Who is who: the people of each frame with their track numbers, from 1.

    Args:
        frames: people by frame.
        seconds: presentation times, as many.
    """
    known: dict[int, tuple[Person, float]] = {}
    following = 1
    for people, now in zip(frames, seconds, strict=True):
        known = {number: last for number, last in known.items() if now - last[1] <= _FORGOTTEN_AFTER}
        numbers = list(known)
        alike = np.array([[likeness(known[number][0], each) for each in people] for number in numbers])
        here = [0] * len(people)
        if alike.size:
            for row, column in zip(*linear_sum_assignment(-alike), strict=True):
                if alike[row, column] >= _LEAST_LIKENESS:
                    here[column] = numbers[row]
        for column, each in enumerate(people):
            if not here[column]:
                here[column], following = following, following + 1
            known[here[column]] = (each, now)
        yield people, here


def coco_annotations(followed: Iterable[tuple[Sequence[Person], Sequence[int]]]) -> Iterator[dict[str, Any]]:
    """People as COCO's annotations, from what `followed` gives: image ids are frames; x, y and confidence."""
    number = 0
    for frame, (people, own) in enumerate(followed):
        for person, track in zip(people, own, strict=True):
            number += 1
            yield {
                "id": number,
                "image_id": frame,
                "category_id": 1,
                "track_id": track,
                "keypoints": [round(float(value), 3) for value in person.points.ravel()],
                "num_keypoints": int((person.points[:, 2] > _SURE).sum()),
                "bbox": [round(value, 2) for value in person.bbox],
                "area": round(person.bbox[2] * person.bbox[3], 2),
                "iscrowd": 0,
                "score": round(person.score, 4),
            }


def coco_category(count: int) -> dict[str, Any]:
    """COCO's category of a person with so many keypoints; the joints of its skeleton count from 1."""
    return {
        "id": 1,
        "name": "person",
        "keypoints": list(names(count)),
        "skeleton": [[a + 1, b + 1] for a, b in bones(count)],
    }


def coco_images(frames: int, size: tuple[int, int]) -> Iterator[dict[str, int]]:
    """COCO's images for the frames of a clip. size: (height, width) in pixels."""
    return ({"id": frame, "frame_index": frame, "height": size[0], "width": size[1]} for frame in range(frames))
