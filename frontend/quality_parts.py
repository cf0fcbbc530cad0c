"""A clip's quality as a page shows it: the parts with their bars, weights and a sentence each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from annotation.models import Project
from enrichment.models import ClipQuality
from review.metrics.quality import weights

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """value: 0-1, or None where nothing is known. share: of the score, in percent. said: what is behind it."""

    title: str
    value: float | None
    share: float
    said: str


@dataclass(frozen=True)
class Quality:
    """score: 0-1, or None. stale: something has changed since it was scored."""

    score: float | None
    stale: bool
    parts: Sequence[Part]


def of(row: ClipQuality | None, project: Project) -> Quality | None:
    """What a page shows; None while the clip was never scored."""
    if row is None or row.scored_at is None:
        return None
    weigh = weights(project.quality_weights)
    known = sum(weigh[part] for part in row.PARTS if getattr(row, part) is not None)
    parts = []
    for part, (title, say) in _SAID.items():
        value, details = getattr(row, part), row.details.get(part, {})
        share = 100 * weigh[part] / known if value is not None and known else 0.0
        missing = str(details.get("missing", "Nothing is known."))
        parts.append(Part(title, value, share, say(details) if value is not None else missing))
    return Quality(row.score, row.stale, parts)


def _frames(said: Details) -> str:
    if not said:
        return ""
    return (
        f"{said['sharp']:.0%} sharp, {said['well_exposed']:.0%} well exposed, {said['complete']:.0%} complete, "
        f"compression edges {said['blockiness']:.2f} (1 is none)"
    )


def _flags(said: Details) -> str:
    names = {"3": "high", "2": "medium", "1": "low"}
    counts = [f"{said['by_severity'][key]} {name}" for key, name in names.items() if said["by_severity"].get(key)]
    return f"open: {', '.join(counts)}" if counts else "none open"


def _pose(said: Details) -> str:
    return "mean confidence of keypoints"


def _agreement(said: Details) -> str:
    against = {"check_flow_segmentation": "flow", "check_depth_segmentation": "depth"}
    return f"frames on which masks agree with {' and '.join(against[name] for name in said['checks'])}"


def _coverage(said: Details) -> str:
    sentence = f"{said['done']} of {said['of']} layers"
    return sentence + (f"; {said['without_engine']} more have no engine" if said["without_engine"] else "")


_SAID: Final[Mapping[str, tuple[str, Callable[[Details], str]]]] = {
    "frames": ("Frames", _frames),
    "flags": ("Flags", _flags),
    "pose": ("Pose", _pose),
    "agreement": ("Agreement", _agreement),
    "coverage": ("Coverage", _coverage),
}
