"""Two choices of frames: keyframes, and what the cross-checks have flagged."""

from __future__ import annotations

from typing import Any

from enrichment import findings
from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, register
from enrichment.layers import keyframes


@register
class Keyframes(Comparer):
    """Every frame that one of the versions chose: 1 where both did, else 0."""

    layers = ("keyframes",)

    def compare(self, before: Side, after: Side) -> Differences:
        """The rules by which a frame was chosen are listed where they differ."""
        old, new = _rules(before), _rules(after)
        values = {frame: float(frame in old and frame in new) for frame in sorted({*old, *new})}
        rows = [
            Row(frame, "chosen by", old.get(frame, "–"), new.get(frame, "–"))
            for frame in values
            if old.get(frame) != new.get(frame)
        ]
        return Differences("chosen by both", "", 1.0, values, rows[:MOST_ROWS], beyond(rows))

    def words(self, side: Side, frame: int) -> list[str]:
        """By which rules it is a keyframe."""
        rules = _rules(side).get(frame)
        return [f"keyframe: {rules}" if rules else "no keyframe"]


@register
class Findings(Comparer):
    """Every frame that one of the versions flagged: 1 where both did, else 0."""

    layers = (
        "check_actions_motion",
        "check_depth_segmentation",
        "check_flow_segmentation",
        "check_joint_limits",
        "check_pose_time",
    )

    def compare(self, before: Side, after: Side) -> Differences:
        """Findings that only one version has are listed with their reason."""
        old, new = _findings(before), _findings(after)
        a, b = ({frame for each in side for frame in range(each["start"], each["end"])} for side in (old, new))
        values = {frame: float(frame in a and frame in b) for frame in sorted(a | b)}
        same = {_key(each) for each in old} & {_key(each) for each in new}
        rows = [Row(each["start"], "finding", each["reason"], "–") for each in old if _key(each) not in same]
        rows += [Row(each["start"], "finding", "–", each["reason"]) for each in new if _key(each) not in same]
        rows.sort(key=lambda row: row.frame or 0)
        remarks = [] if values else ["Neither version flagged anything."]
        return Differences("flagged by both", "", 1.0, values, rows[:MOST_ROWS], remarks + beyond(rows))

    def words(self, side: Side, frame: int) -> list[str]:
        """What is flagged at the frame."""
        here = [each["reason"] for each in _findings(side) if each["start"] <= frame < each["end"]]
        return here or ["nothing flagged"]


def _rules(side: Side) -> dict[int, str]:
    found: dict[int, list[str]] = {}
    for rule, frames in side.json(keyframes.FILE)["rules"].items():
        for frame in frames:
            found.setdefault(int(frame), []).append(rule)
    return {frame: ", ".join(sorted(rules)) for frame, rules in found.items()}


def _findings(side: Side) -> list[dict[str, Any]]:
    found = findings.written(side.folder, side.files)
    return (found[1] or []) if found is not None else []


def _key(finding: dict[str, Any]) -> tuple[object, ...]:
    return (finding["start"], finding["end"], finding["reason"])
