"""Segments as JSON: actions/segments.json of a clip folder, and the JSON of the segments format."""

from __future__ import annotations

import json
from typing import Any, Final

from annotation.geometry import timebase
from delivery.timeline_readers import (
    HANDS,
    OUTCOMES,
    ClipFacts,
    Reader,
    ReadSegment,
    Unreadable,
    number_of_track,
    one_of,
    register,
    text_of,
)


def read(content: bytes, clip: ClipFacts) -> list[ReadSegment]:
    """`{"segments": [...]}` or a bare list; each with start and end (frames) or start_time and end_time (seconds).

    Raises:
        Unreadable: not JSON, or a segment whose values are none; names its place in the list.
    """
    try:
        told = json.loads(text_of(content))
    except json.JSONDecodeError as error:
        raise Unreadable(f"The file is not JSON: {error.msg} in line {error.lineno}.") from None
    items = told.get("segments") if isinstance(told, dict) else told
    if not isinstance(items, list):
        raise Unreadable('The file has no list of segments; it should be {"segments": [{"start": 0, "end": 30, …}]}.')
    named = [(number, each) for number, each in enumerate(items, start=1) if _is_of(each, clip)]
    return [_segment(each, f"segment {number}", clip) for number, each in named]


def _is_of(item: Any, clip: ClipFacts) -> bool:
    name = item.get("clip") if isinstance(item, dict) else None
    return not name or not clip.names or str(name) in clip.names


def _segment(item: Any, where: str, clip: ClipFacts) -> ReadSegment:
    if not isinstance(item, dict):
        raise Unreadable(f"In the list {where} is {item!r}; it should be an object with start and end.")
    texts = item.get("descriptions") or item.get("instructions") or []
    sure = item.get("confidence")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Unreadable(f"The descriptions of {where} are no list of texts.")
    if sure is not None and (isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1):
        raise Unreadable(f"The confidence of {where} is {sure!r}; give a number from 0 to 1, or null.")
    return ReadSegment(
        _bound(item, "start", where, clip),
        _bound(item, "end", where, clip),
        str(item.get("action") or ""),
        where,
        level=str(item.get("level") or ""),
        phase=str(item.get("phase") or ""),
        instructions=tuple(text.strip() for text in texts if text.strip()),
        confidence=sure,
        **_things(item, where),
    )


def _things(item: dict[str, Any], where: str) -> dict[str, Any]:
    """What is acted on and by which hand: an object with name and track in a clip folder, flat values in our table."""
    told = {}
    for role, name in (("object", "name"), ("hand", "side")):
        value = item.get(role)
        nested = value if isinstance(value, dict) else {name: value, "track_number": item.get(f"{role}_track")}
        told[f"{role}_{name}"] = nested.get(name) or ""
        told[f"{role}_track"] = number_of_track(nested.get("track_number"), f"{role}_track", where)
    return told | {
        "object_name": str(told["object_name"])[:80],
        "hand_side": one_of(told["hand_side"], HANDS, "hand", where),
        "outcome": one_of(item.get("outcome"), OUTCOMES, "outcome", where),
    }


def _bound(item: dict[str, Any], which: str, where: str, clip: ClipFacts) -> int:
    frame, time = item.get(which, item.get(f"{which}_frame")), item.get(f"{which}_time")
    if isinstance(frame, int) and not isinstance(frame, bool):
        return frame
    if frame is None and isinstance(time, int | float) and not isinstance(time, bool):
        try:
            return timebase.nearest_edge(clip.seconds, float(time))
        except ValueError:
            pass
    raise Unreadable(f"The {which} of {where} is {time if frame is None else frame!r}; give a frame or seconds.")


READER: Final = register(Reader("json", "JSON of Loupe", (".json",), read))
