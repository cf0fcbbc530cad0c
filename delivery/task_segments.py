"""The segments of one task as a file to take away: in the form of a delivery, which an import reads back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from annotation import clips
from annotation.geometry import timebase
from annotation.models import Task
from annotation.work import Work, WorkSegment, load
from delivery import segment_table


def as_csv(task: Task) -> str:
    work = load(task)
    file = io.StringIO()
    most = max((len(each.instructions) for each in work.segments), default=0)
    segment_table.write(file, _rows(task, work), most=most)
    return file.getvalue()


def as_json(task: Task) -> str:
    told = {"clip": task.clip.name, "frames": task.clip.frame_count, "segments": list(_rows(task, load(task)))}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _rows(task: Task, work: Work) -> Iterator[dict[str, Any]]:
    seconds = clips.index(task.clip).seconds
    number_of = {track.id: track.number for track in work.tracks}
    for each in work.segments:
        start, end = timebase.span(seconds, each.start, each.end)
        yield {
            "clip": task.clip.name,
            "start_frame": each.start,
            "end_frame": each.end,
            "start_time": start,
            "end_time": end,
            **_said(each, number_of),
            # A file of one's own work names nobody; who did what leaves with a delivery, under pseudonyms.
            "author": "",
            "method": each.method,
            "engine": each.engine,
            "review_status": task.state,
            "instructions": list(each.instructions),
        }


def _said(segment: WorkSegment, number_of: dict[str, int]) -> dict[str, Any]:
    return {
        "level": segment.level,
        "action": segment.action,
        "phase": segment.phase,
        "object": segment.object_name,
        "object_track": number_of.get(segment.object or ""),
        "hand": segment.hand_side,
        "hand_track": number_of.get(segment.hand or ""),
        "outcome": segment.outcome,
        "confidence": segment.confidence,
    }
