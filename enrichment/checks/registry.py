"""What a check is, what it finds, and every check by name.

A check is one file in this folder: a pure function of its inputs and thresholds. Its findings are ranges of frames with
a sentence for a person and enough evidence, as plain JSON, to draw it over the picture.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from enrichment import checks
from enrichment.errors import EngineInputError


@dataclass(frozen=True)
class Finding:
    """Something that does not agree.

    start and end are frames [start, end). severity: 1 look when there is time, 2 probably wrong, 3 surely wrong.
    reason: one sentence with the numbers, or one for each kind that was joined. evidence: JSON with `kind` (what
    disagrees), `label` (of the thing), `measure` (see `Measure`), `tracks` (numbers) or `segments` (ids), `keypoints`
    (names of joints that would have to change), and lists to draw: `masks` ({frame, counts: COCO RLE}), `boxes`
    ({frame, box: [x, y, width, height]}), `points` ({frame, at: [x, y]}), `vectors` ({frame, at: [x, y], by: [dx, dy],
    kind: "flow" or "mask"}) and `series` ({name, unit, start, values}, one value a frame). Positions are pixels of the
    picture.
    """

    check: str
    start: int
    end: int
    severity: int
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Measure:
    """The number that decides a kind of finding, which its evidence holds as `measure`.

    name: for people. unit: "" for a share. threshold: the field of the check's thresholds that it is held against.
    above: whether it is flagged above the threshold, rather than below.
    """

    name: str
    unit: str
    threshold: str
    above: bool = True


@dataclass(frozen=True)
class Check:
    """A registered check.

    name: its key. row: the row of the specification that asks for it. title: for people. inputs: what layers or
    annotations it compares. thresholds: a frozen dataclass whose values are the defaults. run(inputs, thresholds) gives
    the findings by start; what `inputs` is, the check's file says. measures: by kind of finding, where one number
    decides.
    """

    name: str
    row: str
    title: str
    inputs: tuple[str, ...]
    thresholds: Any
    run: Callable[..., list[Finding]]
    measures: Mapping[str, Measure] = field(default_factory=dict)


_MOST_DRAWN = 80
_LONGEST_REASON = 500  # characters, of several sentences: as many as a flag keeps

_known: dict[str, Check] = {}


def register(check: Check) -> Check:
    """Make a check known under its name.

    Raises:
        EngineInputError: the name is taken; the sentence lists the names there are.
    """
    if check.name in _known and _known[check.name].run.__module__ != check.run.__module__:
        raise EngineInputError(f"There is a check {check.name!r} already; registered are {', '.join(sorted(_known))}.")
    _known[check.name] = check
    return check


def get(name: str) -> Check:
    """The check of that name.

    Raises:
        EngineInputError: there is none; the sentence lists those there are.
    """
    _load()
    if name not in _known:
        raise EngineInputError(f"There is no check {name!r}; there are {', '.join(sorted(_known))}.")
    return _known[name]


def every() -> Mapping[str, Check]:
    """All checks by name, in alphabetical order."""
    _load()
    return dict(sorted(_known.items()))


def merge(
    findings: Iterable[Finding],
    gap: int,
    same: Callable[[Finding], object],
    measures: Mapping[str, Measure] | None = None,
) -> list[Finding]:
    """Join findings of one kind whose ranges touch or lie at most `gap` frames apart.

    Args:
        findings: in any order.
        gap: frames.
        same: what findings must share to be joined (a track, say).
        measures: the check's, by kind; without them the first of equals counts.

    Returns:
        By start. A joined finding has the kind and the measure of its gravest member, of equals that whose measure is
        farthest from what would do. It has that one's reason, then that of each other kind among them, and what all of
        them have to draw, up to 80 entries of a kind. Where what is joined is all of one kind, some of it may be joined
        beforehand: what comes of it is the same.
    """
    stretches: dict[object, list[list[Finding]]] = {}
    ends: dict[object, int] = {}
    for finding in sorted(findings, key=lambda each: (each.start, each.end)):
        about = same(finding)
        if about in ends and finding.start <= ends[about] + gap:
            stretches[about][-1].append(finding)
            ends[about] = max(ends[about], finding.end)
        else:
            stretches.setdefault(about, []).append([finding])
            ends[about] = finding.end
    joined = [_as_one(stretch, measures or {}) for each in stretches.values() for stretch in each]
    return sorted(joined, key=lambda each: (each.start, each.end))


def _as_one(stretch: Sequence[Finding], measures: Mapping[str, Measure]) -> Finding:
    """Findings by start that belong together."""
    if len(stretch) == 1:
        return stretch[0]
    gravest = _gravest(stretch, measures)
    kinds = {str(each.evidence.get("kind")): None for each in (gravest, *stretch)}
    reason = ""
    for kind in kinds:
        said = _gravest([each for each in stretch if str(each.evidence.get("kind")) == kind], measures).reason
        if not reason or len(reason) + 1 + len(said) <= _LONGEST_REASON:
            reason = f"{reason} {said}".strip()
    return replace(
        gravest,
        start=stretch[0].start,
        end=max(each.end for each in stretch),
        reason=reason,
        evidence=_together(gravest.evidence, stretch),
    )


def _gravest(findings: Sequence[Finding], measures: Mapping[str, Measure]) -> Finding:
    gravest = findings[0]
    for each in findings[1:]:
        if _graver(each, gravest, measures):
            gravest = each
    return gravest


def _graver(one: Finding, other: Finding, measures: Mapping[str, Measure]) -> bool:
    """Whether one finding says more than another: a stricter threshold is held against the worst that there is."""
    if one.severity != other.severity:
        return one.severity > other.severity
    kind = str(one.evidence.get("kind"))
    mine, theirs = one.evidence.get("measure"), other.evidence.get("measure")
    if kind != other.evidence.get("kind") or kind not in measures or mine is None or theirs is None:
        return False
    return bool(mine > theirs if measures[kind].above else mine < theirs)


def _together(first: dict[str, Any], all_of_them: Sequence[Finding]) -> dict[str, Any]:
    joined = dict(first)
    for key in ("masks", "boxes", "points", "vectors"):
        entries = [entry for each in all_of_them for entry in each.evidence.get(key, [])]
        if entries:
            joined[key] = entries[:_MOST_DRAWN]
    return joined


def plain(point: Iterable[float]) -> list[float]:
    """A point or a way for `evidence`, to a tenth of a pixel."""
    return [round(float(value), 1) for value in point]


def series(name: str, unit: str, start: int, values: Iterable[float]) -> dict[str, Any]:
    """A curve for `evidence`: one value per frame from `start`, None where there is none, because JSON knows no NaN."""
    drawn = [round(float(value), 3) if math.isfinite(value) else None for value in values]
    return {"name": name, "unit": unit, "start": start, "values": drawn}


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"{checks.__name__}.{module.name}")
