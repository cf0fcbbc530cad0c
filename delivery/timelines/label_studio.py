"""Timeline labels of Label Studio: its JSON export (tasks with annotations) and its short form, JSON_MIN.

A range there holds frames that count from 1, the last one included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from delivery.timeline_readers import ClipFacts, Reader, ReadSegment, Unreadable, register, text_of


def read(content: bytes, clip: ClipFacts) -> list[ReadSegment]:
    """The newest finished annotation of the task whose video is this clip; of the only task there is.

    Raises:
        Unreadable: not such an export, no task of it is this clip's, or a range that is none.
    """
    try:
        told = json.loads(text_of(content))
    except json.JSONDecodeError as error:
        raise Unreadable(f"The file is not JSON: {error.msg} in line {error.lineno}.") from None
    tasks = told if isinstance(told, list) else [told]
    if not tasks or not all(isinstance(task, dict) for task in tasks):
        raise Unreadable("The file is no export of Label Studio: it has no list of tasks.")
    task = _ours(tasks, clip)
    found = [segment for place, value in _values(task) for segment in _segments(value, place)]
    if not found:
        raise Unreadable("The export holds no timeline labels for this clip; export a project that has TimelineLabels.")
    return found


def _ours(tasks: list[dict[str, Any]], clip: ClipFacts) -> dict[str, Any]:
    if len(tasks) == 1:
        return tasks[0]
    for task in tasks:
        data = task.get("data") if isinstance(task.get("data"), dict) else task
        assert isinstance(data, dict)  # noqa: S101  one of the two is
        names = {PurePosixPath(unquote(value)).name for value in data.values() if isinstance(value, str)}
        # Label Studio puts eight characters and a hyphen before the name of an uploaded file.
        names |= {name.split("-", 1)[1] for name in names if name.find("-") == 8}
        if names & set(clip.names):
            return task
    raise Unreadable(f"The export has {len(tasks)} tasks, and none of them is of {clip.names[0]}.")


def _values(task: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value with ranges, and where it stands."""
    annotations = [each for each in task.get("annotations") or [] if isinstance(each, dict)]
    finished = [each for each in annotations if not each.get("was_cancelled")]
    if finished:
        newest = max(finished, key=lambda each: (str(each.get("updated_at", "")), each.get("id") or 0))
        for number, result in enumerate(newest.get("result") or [], start=1):
            if isinstance(result, dict) and result.get("type") == "timelinelabels":
                yield f"result {number} of annotation {newest.get('id', '?')}", result.get("value") or {}
        return
    for field, value in task.items():
        for number, each in enumerate(value if isinstance(value, list) else [], start=1):
            if isinstance(each, dict) and "timelinelabels" in each:
                yield f"{field} {number}", each


def _segments(value: dict[str, Any], where: str) -> Iterator[ReadSegment]:
    labels = value.get("timelinelabels") or []
    for each in value.get("ranges") or []:
        start, end = (each.get("start"), each.get("end")) if isinstance(each, dict) else (None, None)
        if not isinstance(start, int) or not isinstance(end, int) or not 1 <= start <= end:
            raise Unreadable(f"In {where} the range is {each!r}; it should have start and end, frames from 1 on.")
        for label in labels:
            yield ReadSegment(start - 1, end, str(label), where)


READER: Final = register(Reader("label_studio", "Label Studio export", (), read))
