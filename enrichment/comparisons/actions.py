"""Two proposals of action segments: by the temporal IoU of the segments that cover a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotation.geometry import intervals
from annotation.spoken import frames_said
from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, register
from enrichment.layers.actions import SEGMENTS_FILE

Segment = Mapping[str, Any]


@register
class Actions(Comparer):
    """Segments of another class or phase count as 0, and so do those that only one version has."""

    layers = ("actions",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Primitive segments where there are any: every frame that one of the versions covers has a value."""
        old, new = segments_of(before), segments_of(after)
        values = {
            frame: value for frame in range(before.clip.frame_count) if (value := at_frame(old, new, frame)) is not None
        }
        same = {_key(each) for each in old} & {_key(each) for each in new}
        rows = [Row(each["start"], "segment", _said(each), "–") for each in old if _key(each) not in same]
        rows += [Row(each["start"], "segment", "–", _said(each)) for each in new if _key(each) not in same]
        rows.sort(key=lambda row: row.frame or 0)
        return Differences("temporal IoU of segments", "", 1.0, values, rows[:MOST_ROWS], beyond(rows))

    def words(self, side: Side, frame: int) -> list[str]:
        """The segments at the frame, with their sentences."""
        here = [each for each in side.json(SEGMENTS_FILE)["segments"] if each["start"] <= frame < each["end"]]
        return [line for each in here for line in (_said(each), *each["descriptions"][:1])] or ["no segment"]


def segments_of(side: Side) -> list[Segment]:
    """The primitive segments of a version; all where it has none."""
    found = side.json(SEGMENTS_FILE)["segments"]
    return [each for each in found if each["level"] == "primitive"] or found


def at_frame(old: Sequence[Segment], new: Sequence[Segment], frame: int) -> float | None:
    """Temporal IoU of the segments that cover a frame, 0-1; None where neither version has one there."""
    a, b = ([each for each in side if each["start"] <= frame < each["end"]] for side in (old, new))
    if not a and not b:
        return None
    return max(
        (
            intervals.temporal_iou((one["start"], one["end"]), (other["start"], other["end"]))
            for one in a
            for other in b
            if (one["action"], one["phase"]) == (other["action"], other["phase"])
        ),
        default=0.0,
    )


def _key(segment: Segment) -> tuple[object, ...]:
    return (segment["start"], segment["end"], segment["action"], segment["phase"])


def _said(segment: Segment) -> str:
    name = segment["phase"] or segment["action"] or "no class"
    frames = frames_said(segment["start"], segment["end"])
    return f"{name}, {frames}, confidence {segment['confidence']:.2f}"
