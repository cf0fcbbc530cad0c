"""A pose with some joints of some people interpolated over some frames, and a note of each. Arrays and JSON only."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
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


@dataclass(frozen=True)
class Made:
    """The interpolated path of a joint of somebody."""

    track: int
    keypoint: str
    path: Filled


@dataclass(frozen=True)
class Sightings:
    """What is seen of the joints that are to be corrected, and of whose they are.

    names: of all keypoints. paths: by track and keypoint (frames, 3) float64 x, y, confidence; NaN where it is less
    sure than asked for. boxes: by track (frames, 5) float64 x, y, width, height, score; NaN where they were not found.
    """

    names: Sequence[str]
    paths: Mapping[tuple[int, str], Path]
    boxes: Mapping[int, NDArray[np.float64]]

    @classmethod
    def among(
        cls,
        annotations: Iterable[Mapping[str, Any]],
        names: Sequence[str],
        corrections: Iterable[Asked],
        frames: int,
        least: float,
    ) -> Sightings:
        """Go through COCO's annotations.

        Args:
            annotations: as the layer pose writes them.
            names: of the keypoints.
            corrections: what to interpolate.
            frames: of the clip.
            least: confidence below which a joint counts as not seen, 0-1.
        """
        wanted = {(asked.track, keypoint) for asked in corrections for keypoint in asked.keypoints if keypoint in names}
        paths = {each: np.full((frames, 3), np.nan) for each in wanted}
        boxes = {track: np.full((frames, 5), np.nan) for track, _ in wanted}
        columns = {(track, keypoint): 3 * names.index(keypoint) for track, keypoint in wanted}
        for one in annotations:
            track, frame = one.get("track_id"), one["image_id"]
            if track not in boxes:
                continue
            boxes[track][frame] = *one["bbox"], one["score"]
            for (whose, keypoint), at in columns.items():
                if whose == track and one["keypoints"][at + 2] >= least:
                    paths[whose, keypoint][frame] = one["keypoints"][at : at + 3]
        return cls(names, paths, boxes)


def paths(
    seen: Sightings, asked: Asked, others: Sequence[Asked], seconds: NDArray[np.float64], *, longest: float
) -> Iterator[tuple[str, Filled]]:
    """The interpolated path of each joint. What others correct of the same joint is no sighting to interpolate from.

    Raises:
        EngineInputError: there is no such joint, or one of them cannot be interpolated; the sentence says why.
    """
    for keypoint in asked.keypoints:
        if keypoint not in seen.names:
            raise EngineInputError(f"The pose has no keypoint {keypoint!r}.")
        path = seen.paths[asked.track, keypoint].copy()
        for other in others:
            if other.track == asked.track and keypoint in other.keypoints:
                path[other.start : other.end] = np.nan
        words = f"{keypoint.replace('_', ' ')} of track {asked.track}"
        yield keypoint, gap_filling.fill(path, seconds, (asked.start, asked.end), longest=longest, joint=words)


def filled(
    seen: Sightings, corrections: Sequence[Asked], seconds: NDArray[np.float64], *, longest: float
) -> tuple[list[Made], list[dict[str, Any]]]:
    """Everything that was asked for, as far as it can be interpolated, and a note of each.

    Args:
        seen: of these corrections.
        corrections: what to interpolate.
        seconds: (frames,) presentation times.
        longest: seconds that the sightings around a gap may lie apart.

    Returns:
        The interpolated paths, and for each correction its number, and either method, from_frames and confidence by
        joint, or `left_out` with the reason.
    """
    made, notes = [], []
    for asked in corrections:
        others = [each for each in corrections if each is not asked]
        try:
            found = dict(paths(seen, asked, others, seconds, longest=longest))
        except EngineInputError as error:
            notes.append({"number": asked.number, "left_out": str(error)})
            continue
        made += [Made(asked.track, keypoint, path) for keypoint, path in found.items()]
        notes.append(
            {
                "number": asked.number,
                "method": gap_filling.NAME,
                "from_frames": {keypoint: list(path.anchors) for keypoint, path in found.items()},
                "confidence": {keypoint: round(path.confidence, 3) for keypoint, path in found.items()},
            }
        )
    return made, notes


def corrected(annotations: Iterable[dict[str, Any]], seen: Sightings, made: Sequence[Made]) -> Iterator[dict[str, Any]]:
    """COCO's annotations, frame by frame, with what was interpolated; they may be changed.

    An annotation with interpolated joints names them in `interpolated`. Somebody who was not found at all on a frame
    gets an annotation with a box between their boxes before and after, and no other joints.

    Raises:
        EngineInputError: the annotations are not sorted by frame.
    """
    points: dict[int, list[tuple[Made, NDArray[np.float64]]]] = defaultdict(list)
    for each in made:
        for frame, point in zip(each.path.frames.tolist(), each.path.points, strict=True):
            points[frame].append((each, point))
    there = ((frame, list(rows)) for frame, rows in groupby(annotations, key=lambda one: one["image_id"]))
    without = ((frame, list[dict[str, Any]]()) for frame in sorted(points))
    together = heapq.merge(there, without, key=lambda each: each[0])
    number, before = 0, -1
    for frame, groups in groupby(together, key=lambda each: each[0]):
        if frame < before:
            raise EngineInputError(f"The pose has frame {frame} after frame {before}; compute it again.")
        before = frame
        rows = {one.get("track_id"): one for _, some in groups for one in some}
        for each, point in points.get(frame, ()):
            row = rows.get(each.track) or _new_row(seen, frame, each)
            at = seen.names.index(each.keypoint)
            row["keypoints"][3 * at : 3 * at + 3] = [*np.round(point, 3).tolist(), round(each.path.confidence, 3)]
            row["interpolated"] = sorted({*row.get("interpolated", ()), each.keypoint})
            rows[each.track] = row
        for _, row in sorted(rows.items(), key=lambda item: item[0] or 0):
            number += 1
            yield row | {"id": number, "num_keypoints": sum(sure > 0.2 for sure in row["keypoints"][2::3])}


def _new_row(seen: Sightings, frame: int, made: Made) -> dict[str, Any]:
    """Somebody on a frame on which they were not found; their box is between those at the ends of the gap."""
    a = max(each for each in made.path.anchors if each < frame)
    b = min(each for each in made.path.anchors if each > frame)
    before, after = (seen.boxes[made.track][each] for each in (a, b))
    share = (frame - a) / (b - a)
    bbox = [round(float(value), 2) for value in (1 - share) * before[:4] + share * after[:4]]
    return {
        "id": 0,
        "image_id": frame,
        "category_id": 1,
        "track_id": made.track,
        "keypoints": [0.0] * (3 * len(seen.names)),
        "num_keypoints": 0,
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], 2),
        "iscrowd": 0,
        "score": float(min(before[4], after[4])),
    }
