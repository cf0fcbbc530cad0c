"""Angles at joints of a body in space, from three points each. Arrays only.

The angle at a joint is the one between the two bones that meet there, in degrees: 180 is straight, less is bent; what
clinics call flexion is 180 minus it (the relative angle of Winter, "Biomechanics and Motor Control of Human Movement",
2009, chapter 3). Points have no axes of their own, so turning about a bone is not in it, nor to which side it bends.

elbow: between upper arm and forearm (shoulder, elbow, wrist).
shoulder: between trunk and upper arm (hip, shoulder, elbow): the arm's elevation, 0 when it hangs (Wu et al. 2005).
wrist: between forearm and the back of the hand (elbow, wrist, the middle finger's first joint).
fingers, by COCO-WholeBody's numbers: _1 at the knuckle (the thumb's saddle joint), between the hand's root and the
second point; _2 and _3 at the next two joints. The fourth point is the tip and has no angle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIDES: Final = ("left", "right")
_FINGERS: Final = ("thumb", "index", "middle", "ring", "little")
_LEAST_BONE: Final = 0.005  # metres; between points closer than that there is no direction

Triple = tuple[str, str, str]


def _triples() -> dict[str, Triple]:
    found: dict[str, Triple] = {}
    for side in _SIDES:
        found[f"{side}_elbow"] = (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
        found[f"{side}_shoulder"] = (f"{side}_hip", f"{side}_shoulder", f"{side}_elbow")
        found[f"{side}_wrist"] = (f"{side}_elbow", f"{side}_wrist", f"{side}_hand_middle_1")
        for finger in _FINGERS:
            points = [f"{side}_hand_root", *(f"{side}_hand_{finger}_{joint}" for joint in range(1, 5))]
            for joint in range(1, 4):
                found[points[joint]] = (points[joint - 1], points[joint], points[joint + 1])
    return found


TRIPLES: Final = _triples()


def known(names: Sequence[str]) -> dict[str, Triple]:
    """Of the angles there are, those whose three points are among these keypoints, in one fixed order."""
    there = set(names)
    return {name: triple for name, triple in TRIPLES.items() if there.issuperset(triple)}


def angles(points: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """The angles of people.

    Args:
        points: (rows, keypoints, 3) float32 metres, NaN where not known.
        names: of the keypoints.

    Returns:
        (rows, len(known(names))) float32 degrees, 0-180; NaN where one of the three points is not known, or two of them
        coincide.
    """
    at = {name: number for number, name in enumerate(names)}
    triples = known(names)
    found = np.full((len(points), len(triples)), np.nan, dtype=np.float32)
    for column, (a, joint, b) in enumerate(triples.values()):
        middle = points[:, at[joint]].astype(np.float64)
        found[:, column] = between(points[:, at[a]] - middle, points[:, at[b]] - middle)
    return found


def between(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Degrees between vectors (n, 3), 0-180; NaN where one is unknown or shorter than 5 mm.

    By the half-angle form of Kahan ("How futile are mindless assessments of roundoff", 2006), which stays exact near 0
    and 180, where the arc cosine does not.
    """
    lengths = [np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = one / lengths[0], other / lengths[1]
        turned = 2 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
        told = (lengths[0][:, 0] >= _LEAST_BONE) & (lengths[1][:, 0] >= _LEAST_BONE)
    return np.where(told, np.degrees(turned), np.nan)
