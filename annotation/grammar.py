"""The grammar of action segments: rules that hold everywhere, and those that a project adds. Plain values, no Django.

A project's rules are a list of small objects; each has a `kind` and `must`, by which a broken rule is an error that
stands in the way of submitting, or a warning. A `what` names segments: "phase:place", "action:pick", "level:task", or
empty for all of them.

    {"kind": "needs_earlier", "what": W, "earlier": W, "own": bool}   own: since the last `what`, not used up by it
    {"kind": "order", "phases": [key, …]}                     may be left out; begins anew after the last, in a new task
    {"kind": "no_gap", "level": "primitive", "seconds": 0.2}  neighbours of a level are at most this far apart
    {"kind": "instructions", "what": W, "least": 3}           in place of the three that hold everywhere
    {"kind": "longest", "what": W, "seconds": 10}
    {"kind": "shortest", "what": W, "seconds": 0.1}
    {"kind": "needs", "what": W, "field": "phase" | "object" | "hand" | "outcome" | "confidence"}
    {"kind": "may_overlap", "what": W}                        a permission: by itself segments of a level may not

`frontend/static/js/models/grammar.js` says the same in the browser, word for word; tests/grammar_cases.json holds both
to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from annotation.spoken import frames_said
from annotation.wording import plain

MIN_INSTRUCTIONS: Final = 3
Rule = Mapping[str, Any]


class Said(Protocol):
    """What a rule may look at; frames [start, end), object and hand ids of tracks or None."""

    @property
    def id(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def level(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def object(self) -> str | None: ...
    @property
    def object_name(self) -> str: ...
    @property
    def hand(self) -> str | None: ...
    @property
    def hand_side(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def instructions(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold on the frames [start, end), said of one segment."""

    rule: str
    severity: str
    message: str
    segment: str
    start: int
    end: int


TimeOf = Callable[[int], float]
# The sentence, the segment it is said of, and the frames [start, end) it is about.
Found = Iterator[tuple[str, Said, int, int]]
Check = Callable[[Sequence[Said], Rule, TimeOf], Found]


def broken(segments: Iterable[Said], rules: Sequence[Rule], time_of: TimeOf) -> list[Broken]:
    """Every rule that does not hold, by where it begins.

    Args:
        time_of: seconds at which a frame appears; the number of frames gives the clip's end.
    """
    ordered = sorted(segments, key=lambda each: (each.start, each.end, each.id))
    found: list[Broken] = []
    for kind, check in _EVERYWHERE.items():
        told = {"rules": rules}
        found += [Broken(kind, "error", message, at.id, a, b) for message, at, a, b in check(ordered, told, time_of)]
    for rule in rules:
        optional = _OF_A_PROJECT.get(rule["kind"])
        severity = "error" if rule.get("must", True) else "warning"
        for message, at, a, b in optional(ordered, rule, time_of) if optional else ():
            found.append(Broken(rule["kind"], severity, message, at.id, a, b))
    return sorted(found, key=lambda each: (each.start, each.end))


def matches(segment: Said, what: str) -> bool:
    """Whether `what` names this segment."""
    if not what:
        return True
    field, _, key = what.partition(":")
    return bool(getattr(segment, field) == key)


# ---- what holds everywhere ----


def _class(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    for each in segments:
        if not each.action:
            yield f"{_name(each)} has no action class; choose one.", each, each.start, each.end


def _instructions(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    wanted = [each for each in rule["rules"] if each["kind"] == "instructions"]
    for each in segments:
        own = [other for other in wanted if matches(each, other.get("what", ""))]
        # A warning only is told beside the others, by `_fewer`.
        if own and not own[-1].get("must", True):
            continue
        least = own[-1]["least"] if own else MIN_INSTRUCTIONS
        yield from _fewer(each, least)


def _overlap(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    allowed = [each.get("what", "") for each in rule["rules"] if each["kind"] == "may_overlap"]
    longest: dict[str, Said] = {}
    for each in segments:
        if any(matches(each, what) for what in allowed):
            continue
        before = longest.get(each.level)
        if before is not None and each.start < before.end:
            end = min(before.end, each.end)
            where = frames_said(each.start, end)
            message = f"Two {each.level} segments overlap on {where}; move one of their ends."
            yield message, each, each.start, end
        if before is None or each.end > before.end:
            longest[each.level] = each


def _nesting(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    tasks = [each for each in segments if each.level == "task"]
    for each in segments:
        if each.level == "task":
            continue
        touched = [task for task in tasks if task.start < each.end and each.start < task.end]
        if touched and not any(task.start <= each.start and each.end <= task.end for task in touched):
            message = f"{_name(each)} reaches over an end of its task segment; cut it there or move its ends."
            yield message, each, each.start, each.end


# ---- what a project may add ----


def _needs_earlier(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    seen = False
    for each in segments:
        if matches(each, rule["what"]):
            if not seen:
                what, earlier = _key(rule["what"]), _key(rule["earlier"])
                message = f"{_name(each)} is {what} without an earlier {earlier}; mark that one or correct this one."
                yield message, each, each.start, each.end
            elif rule.get("own"):
                seen = False
        if matches(each, rule["earlier"]):
            seen = True


def _order(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    phases = list(rule["phases"])
    starts = {each.start for each in segments if each.level == "task"}
    last: Said | None = None
    for each in segments:
        if each.level == "task" or each.phase not in phases:
            continue
        begun = last is not None and any(last.start < start <= each.start for start in starts)
        complete = last is None or begun or last.phase == phases[-1]
        if last is not None and not complete and phases.index(each.phase) < phases.index(last.phase):
            message = f"{_name(each)} is {each.phase} after {last.phase}; the order is {', '.join(phases)}."
            yield message, each, each.start, each.end
        last = each


def _no_gap(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    end: int | None = None
    for each in segments:
        if each.level != rule["level"]:
            continue
        if end is not None and each.start > end:
            gap = time_of(each.start) - time_of(end)
            if gap > rule["seconds"] + 1e-6:
                most = _told(rule["seconds"])
                message = f"There is a gap of {_told(gap)} s before frame {each.start}; {most} s is the most."
                yield message, each, end, each.start
        end = each.end if end is None else max(end, each.end)


def _longest(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    for each in segments:
        lasts = time_of(each.end) - time_of(each.start)
        if matches(each, rule.get("what", "")) and lasts > rule["seconds"] + 1e-6:
            message = f"{_name(each)} lasts {_told(lasts)} s; {_told(rule['seconds'])} s is the longest."
            yield message, each, each.start, each.end


def _shortest(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    for each in segments:
        lasts = time_of(each.end) - time_of(each.start)
        if matches(each, rule.get("what", "")) and lasts < rule["seconds"] - 1e-6:
            message = f"{_name(each)} lasts {_told(lasts)} s; {_told(rule['seconds'])} s is the shortest."
            yield message, each, each.start, each.end


def _needs(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    field = rule["field"]
    for each in segments:
        if matches(each, rule.get("what", "")) and not _has(each, field):
            yield f"{_name(each)} has no {field}; set it.", each, each.start, each.end


def _recommended(segments: Sequence[Said], rule: Rule, time_of: TimeOf) -> Found:
    """Instructions of a rule that only warns; those that must be are counted with what holds everywhere."""
    for each in segments:
        if not rule.get("must", True) and matches(each, rule.get("what", "")):
            yield from _fewer(each, rule["least"])


_EVERYWHERE: Final[dict[str, Check]] = {
    "class": _class,
    "instructions": _instructions,
    "overlap": _overlap,
    "nesting": _nesting,
}
_OF_A_PROJECT: Final[dict[str, Check]] = {
    "needs_earlier": _needs_earlier,
    "order": _order,
    "no_gap": _no_gap,
    "longest": _longest,
    "shortest": _shortest,
    "needs": _needs,
    "instructions": _recommended,
}


# Rules that look at what comes before and after, and rules that say of one segment what another has a part in.
OF_A_SEQUENCE: Final = frozenset({"needs_earlier", "order", "no_gap"})
OF_SEVERAL: Final = frozenset({"overlap", "nesting"})


def _fewer(each: Said, least: int) -> Found:
    different = len({plain(text) for text in each.instructions} - {""})
    if different < least:
        message = f"{_name(each)} has {different} different instructions; write {least} or more."
        yield message, each, each.start, each.end


def _has(segment: Said, field: str) -> bool:
    if field == "object":
        return bool(segment.object or segment.object_name)
    if field == "hand":
        return bool(segment.hand or segment.hand_side)
    return getattr(segment, field) not in {None, ""}


def _name(segment: Said) -> str:
    return f"The segment on {frames_said(segment.start, segment.end)}"


def _key(what: str) -> str:
    return what.partition(":")[2]


def _told(seconds: float) -> str:
    """At most two decimals, as JavaScript writes the number too: both round halves up and write the shortest form."""
    return repr(math.floor(seconds * 100 + 0.5) / 100).removesuffix(".0")
