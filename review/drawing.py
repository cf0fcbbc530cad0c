"""Pictures to lay over a frame: two people's masks, and the evidence of a finding. Arrays only, no Django.

Every picture is (height, width, 4) uint8 in OpenCV's order B, G, R, A, transparent where nothing is said.

Colours: Okabe and Ito's palette ("Color Universal Design", 2008), which stays apart for every kind of colour blindness,
chosen so that lightness differs too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry import boundary, rle

Picture = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Labels = Mapping[str, Bools]

# As a stylesheet writes them, for legends.
ONLY_A, ONLY_B, BOTH, OTHER_LABEL = "#0072b2", "#e69f00", "#f5f5f5", "#cc79a7"
MASK, FLOW, MASK_MOTION, POINT = "#56b4e9", "#e69f00", "#56b4e9", "#f0e442"
SERIES = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7")
_HALO = (20, 20, 20, 230)
_FILL, _BOTH_FILL = 150, 90


def blank(height: int, width: int) -> Picture:
    """A picture that says nothing yet."""
    return np.zeros((height, width, 4), dtype=np.uint8)


def disagreement(a: Labels, b: Labels, *, height: int, width: int) -> Picture:
    """Two people's masks over each other.

    Args:
        a: per label, all that one person drew with it, (height, width) bool.
        b: the other's.
        height: of the picture in pixels.
        width: likewise.

    Returns:
        BOTH where the two say the same, ONLY_A and ONLY_B where one of them says something, OTHER_LABEL where they say
        different things.
    """
    same, said_a, said_b = (np.zeros((height, width), dtype=bool) for _ in range(3))
    for label in a.keys() | b.keys():
        here, there = a.get(label), b.get(label)
        if here is not None and there is not None:
            same |= here & there
        if here is not None:
            said_a |= here
        if there is not None:
            said_b |= there
    picture = blank(height, width)
    for where, colour, alpha in (
        (same, BOTH, _BOTH_FILL),
        (said_a & ~said_b, ONLY_A, _FILL),
        (said_b & ~said_a, ONLY_B, _FILL),
        (said_a & said_b & ~same, OTHER_LABEL, _FILL),
    ):
        picture[where] = (*bgr(colour), alpha)
    return picture


def evidence(found: Mapping[str, Any], frame: int, *, height: int, width: int) -> Picture:
    """Draw what a finding says of one frame.

    Args:
        found: lists named `masks` ({frame, counts}), `boxes` ({frame, box: [x, y, width, height]}), `points`
            ({frame, at: [x, y]}), `vectors` ({frame, at: [x, y], by: [dx, dy], kind: "flow" or "mask"}) and `series`
            ({name, unit, start, values}, one value a frame from frame `start` on). Entries without a frame are drawn
            on every frame; what cannot be read is left out, so that one odd entry does not hide the rest.
        frame: which one.
        height: of the picture in pixels.
        width: likewise.

    Returns:
        The picture; all transparent when the finding says nothing of this frame.
    """
    picture = blank(height, width)
    for entry in _of_frame(found.get("masks"), frame):
        mask = _decoded(entry, height, width)
        if mask is not None:
            _lay(picture, mask)
    thick = max(2, round(min(height, width) / 240))
    for entry in _of_frame(found.get("boxes"), frame):
        numbers = _numbers(entry.get("box"), 4)
        if numbers is not None:
            x, y, w, h = numbers
            corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
            _line(picture, corners, MASK, thick, closed=True)
    for entry in _of_frame(found.get("points"), frame):
        numbers = _numbers(entry.get("at"), 2)
        if numbers is not None:
            centre = (round(numbers[0]), round(numbers[1]))
            cv2.circle(picture, centre, 3 * thick, _HALO, -1, cv2.LINE_AA)
            cv2.circle(picture, centre, 2 * thick, (*bgr(POINT), 255), -1, cv2.LINE_AA)
    for entry in _of_frame(found.get("vectors"), frame):
        at, by = _numbers(entry.get("at"), 2), _numbers(entry.get("by"), 2)
        if at is not None and by is not None:
            _arrow(picture, at, by, FLOW if entry.get("kind") == "flow" else MASK_MOTION, thick)
    _chart(picture, list(_entries(found.get("series"))), frame, thick)
    return picture


def png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    made, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not made:
        raise ValueError(f"A picture of shape {picture.shape} could not be written as PNG.")
    return bytes(encoded.tobytes())


def bgr(colour: str) -> tuple[int, int, int]:
    """A stylesheet's #rrggbb as (blue, green, red)."""
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _entries(value: Any) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list | tuple) else []


def _of_frame(value: Any, frame: int) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in _entries(value) if entry.get("frame", frame) == frame]


def _numbers(value: Any, count: int) -> list[float] | None:
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if not all(isinstance(number, int | float) and np.isfinite(number) and abs(number) < 2**15 for number in value):
        return None
    return [float(number) for number in value]


def _decoded(entry: Mapping[str, Any], height: int, width: int) -> Bools | None:
    inner = entry.get("rle", entry)
    if not isinstance(inner, Mapping):
        return None
    counts = inner.get("counts")
    try:
        sound = rle.validate({"size": [height, width], "counts": counts}, height=height, width=width)
    except rle.RleError:
        return None
    return rle.decode(sound).astype(bool)


def _lay(picture: Picture, mask: Bools) -> None:
    picture[mask] = (*bgr(MASK), 90)
    picture[boundary.boundary(mask)] = (*bgr(MASK), 255)


def _line(picture: Picture, points: npt.NDArray[Any], colour: str, thick: int, *, closed: bool = False) -> None:
    corners = [np.round(points).astype(np.int32).reshape(-1, 1, 2)]
    cv2.polylines(picture, corners, closed, _HALO, thick + 2, cv2.LINE_AA)
    cv2.polylines(picture, corners, closed, (*bgr(colour), 255), thick, cv2.LINE_AA)


def _arrow(picture: Picture, at: Sequence[float], by: Sequence[float], colour: str, thick: int) -> None:
    """An arrow as long as the motion; one of less than a few pixels is a dot, because a head would say a direction."""
    start = (round(at[0]), round(at[1]))
    end = (round(at[0] + by[0]), round(at[1] + by[1]))
    length = math.hypot(*by)
    for paint, wide in ((_HALO, thick + 2), ((*bgr(colour), 255), thick)):
        if length < 3 * thick:
            cv2.circle(picture, start, wide, paint, -1, cv2.LINE_AA)
        else:
            cv2.arrowedLine(picture, start, end, paint, wide, cv2.LINE_AA, tipLength=min(0.4, 4 * thick / length))


def _chart(picture: Picture, series: Sequence[Mapping[str, Any]], frame: int, thick: int) -> None:
    """The series over the foot of the picture, with a line at the frame shown."""
    drawn = []
    for entry in series:
        start, values = entry.get("start", 0), entry.get("values")
        if isinstance(start, int) and isinstance(values, list) and len(values) > 1:
            numbers = [float(v) if isinstance(v, int | float) else np.nan for v in values]
            drawn.append((str(entry.get("name", "")), str(entry.get("unit", "")), start, np.array(numbers)))
    drawn = [one for one in drawn if np.isfinite(one[3]).any()]
    if not drawn:
        return
    height, width = picture.shape[:2]
    top = height - max(24, height // 5)
    picture[top:] = (20, 20, 20, 200)
    first, last = min(one[2] for one in drawn), max(one[2] + len(one[3]) - 1 for one in drawn)
    across = (width - 8) / (last - first)
    size = max(0.35, width / 2200)
    # What is in one unit is drawn to one scale: 2 px beside 31 px must look like it.
    alike = {unit: np.concatenate([one[3] for one in drawn if one[1] == unit]) for _, unit, _, _ in drawn}
    ranges = {unit: (float(np.nanmin(values)), float(np.nanmax(values))) for unit, values in alike.items()}
    for place, (name, unit, start, values) in enumerate(drawn):
        colour = SERIES[place % len(SERIES)]
        low, high = ranges[unit]
        rise = (height - top - 8) / (high - low) if high > low else 0.0
        points = np.stack(
            [4 + (start - first + np.arange(len(values))) * across, height - 4 - (values - low) * rise], 1
        )
        for run in _runs(points):
            _line(picture, run, colour, max(1, thick // 2))
        own = f"{np.nanmin(values):.3g} to {np.nanmax(values):.3g}"
        said = f"{name} {own} {unit}".strip().encode("ascii", "replace").decode()
        where = (6, top - 6 - round(place * 32 * size))
        for paint, wide in ((_HALO, 3), ((*bgr(colour), 255), 1)):
            cv2.putText(picture, said, where, cv2.FONT_HERSHEY_SIMPLEX, size, paint, wide, cv2.LINE_AA)
    if first <= frame <= last:
        x = round(4 + (frame - first) * across)
        cv2.line(picture, (x, top), (x, height - 1), (255, 255, 255, 255), 1)


def _runs(points: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The stretches without a gap that have two points or more."""
    sound = np.isfinite(points).all(axis=1)
    edges = np.flatnonzero(np.diff(sound.astype(np.int8))) + 1
    return [run for run in np.split(points, edges) if len(run) > 1 and np.isfinite(run).all()]
