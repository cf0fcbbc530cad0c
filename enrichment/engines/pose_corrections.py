"""A pose with some joints of some people interpolated over some frames, and a note of each. Arrays and JSON only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enrichment.engines import gap_filling
from enrichment.engines.gap_filling import Filled
from enrichment.errors import EngineInputError

Path = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """One thing to correct: joints of somebody over frames [start, end). number: what it is called in notes."""

    number: int
    track: int
    keypoints: tuple[str, ...]
    start: int
    end: int


def path_of(content: Mapping[str, Any], track: int, keypoint: str, frames: int, least: float) -> Path:
    """Where a joint of somebody is: (frames, 3) float64 x, y, confidence; NaN where it is less sure than `least`.

    Args:
        content: COCO keypoints, as the layer pose writes them.

    Raises:
        EngineInputError: there is no such keypoint.
    """
    names = list(content["categories"][0]["keypoints"])
    if keypoint not in names:
        raise EngineInputError(f"The pose has no keypoint {keypoint!r}.")
    at = names.index(keypoint)
    path = np.full((frames, 3), np.nan)
    for one in content["annotations"]:
        if one.get("track_id") == track:
            x, y, sure = one["keypoints"][3 * at : 3 * at + 3]
            if sure >= least:
                path[one["image_id"]] = x, y, sure
    return path


def paths(
    content: Mapping[str, Any],
    asked: Asked,
    others: Sequence[Asked],
    seconds: NDArray[np.float64],
    *,
    least: float,
    longest: float,
) -> Iterator[tuple[str, Filled]]:
    """The interpolated path of each joint. What others correct of the same joint is no sighting to interpolate from.

    Raises:
        EngineInputError: one of them cannot be interpolated; the sentence says why.
    """
    for keypoint in asked.keypoints:
        path = path_of(content, asked.track, keypoint, len(seconds), least)
        for other in others:
            if other.track == asked.track and keypoint in other.keypoints:
                path[other.start : other.end] = np.nan
        words = f"{keypoint.replace('_', ' ')} of track {asked.track}"
        yield keypoint, gap_filling.fill(path, seconds, (asked.start, asked.end), longest=longest, joint=words)


def corrected(
    content: Mapping[str, Any],
    corrections: Sequence[Asked],
    seconds: NDArray[np.float64],
    *,
    least: float,
    longest: float,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The pose with everything that was asked for, and a note of each.

    An annotation with interpolated joints names them in `interpolated`. Somebody who was not found at all on a frame
    gets an annotation with a box between their boxes before and after, and no other joints.

    Args:
        content: COCO keypoints, as the layer pose writes them; left as it is.
        corrections: what to interpolate.
        seconds: (frames,) presentation times.
        least: confidence below which a joint counts as not seen, 0-1.
        longest: seconds that the sightings around a gap may lie apart.

    Returns:
        The content, and for each correction its number, and either method, from_frames and confidence by joint, or
        `left_out` with the reason.
    """
    made, notes = deepcopy(dict(content)), []
    names = list(content["categories"][0]["keypoints"])
    rows = {(one["image_id"], one.get("track_id")): one for one in made["annotations"]}
    for asked in corrections:
        others = [each for each in corrections if each is not asked]
        try:
            filled = dict(paths(content, asked, others, seconds, least=least, longest=longest))
        except EngineInputError as error:
            notes.append({"number": asked.number, "left_out": str(error)})
            continue
        for keypoint, path in filled.items():
            at = names.index(keypoint)
            for frame, point in zip(path.frames.tolist(), path.points, strict=True):
                row = rows.get((frame, asked.track)) or _new_row(rows, frame, asked.track, path, len(names))
                row["keypoints"][3 * at : 3 * at + 3] = [*np.round(point, 3).tolist(), round(path.confidence, 3)]
                row["interpolated"] = sorted({*row.get("interpolated", ()), keypoint})
                rows[frame, asked.track] = row
        notes.append(
            {
                "number": asked.number,
                "method": gap_filling.NAME,
                "from_frames": {keypoint: list(path.anchors) for keypoint, path in filled.items()},
                "confidence": {keypoint: round(path.confidence, 3) for keypoint, path in filled.items()},
            }
        )
    made["annotations"] = [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1] or 0))]
    for number, one in enumerate(made["annotations"], start=1):
        one["id"] = number
        one["num_keypoints"] = sum(sure > 0.2 for sure in one["keypoints"][2::3])
    return made, notes


def _new_row(
    rows: Mapping[tuple[int, Any], dict[str, Any]], frame: int, track: int, path: Filled, count: int
) -> dict[str, Any]:
    """Somebody on a frame on which they were not found; their box is between those at the ends of the gap."""
    a = max(each for each in path.anchors if each < frame)
    b = min(each for each in path.anchors if each > frame)
    ends = [rows[each, track] for each in (a, b)]
    share = (frame - a) / (b - a)
    bbox = [round((1 - share) * one + share * other, 2) for one, other in zip(*(e["bbox"] for e in ends), strict=True)]
    return {
        "id": 0,
        "image_id": frame,
        "category_id": 1,
        "track_id": track,
        "keypoints": [0.0] * (3 * count),
        "num_keypoints": 0,
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], 2),
        "iscrowd": 0,
        "score": min(float(end["score"]) for end in ends),
    }
