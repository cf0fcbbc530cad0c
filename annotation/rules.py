"""A project's grammar: its rules for action segments, checked before they are kept, and said in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from annotation import history
from annotation.errors import Refused
from annotation.models import ActionClass, Phase, Project, SegmentRevision

MOST: Final = 60
NEEDED: Final = ("phase", "object", "hand", "outcome", "confidence")
_LEVELS: Final = tuple(SegmentRevision.Level.values)
# What a rule of each kind says, beside `kind` and `must`.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "needs_earlier": ("what", "earlier", "own"),
    "order": ("phases",),
    "no_gap": ("level", "seconds"),
    "instructions": ("what", "least"),
    "longest": ("what", "seconds"),
    "shortest": ("what", "seconds"),
    "needs": ("what", "field"),
    "may_overlap": ("what",),
}


@transaction.atomic
def save(*, project: Project, rules: Sequence[Mapping[str, Any]], by: User) -> list[dict[str, Any]]:
    """Make these the project's rules; the whole list, in order.

    Raises:
        Refused: a rule that is none, or that speaks of a class or phase that the taxonomy lacks; names its place.
    """
    if len(rules) > MOST:
        raise Refused(f"There are {len(rules)} rules; {MOST} is the most.")
    locked = Project.objects.select_for_update().get(pk=project.pk)
    words = _Words(locked)
    wanted = [_checked(rule, place, words) for place, rule in enumerate(rules, start=1)]
    before = list(locked.grammar)
    project.grammar = locked.grammar = wanted
    if before != wanted:
        locked.save(update_fields=["grammar"])
        told = {"before": [sentence(rule) for rule in before], "after": [sentence(rule) for rule in wanted]}
        history.record(project=locked, actor=by, verb="changed the grammar of", subject=locked, **told)
    return wanted


def sentence(rule: Mapping[str, Any]) -> str:
    """A rule as a person would say it."""
    said = _SENTENCES[rule["kind"]](rule)
    if rule["kind"] == "may_overlap":
        return said
    return said if rule.get("must", True) else f"{said[:-1]}, as a warning."


class _Words:
    def __init__(self, project: Project) -> None:
        self.name = project.name
        self.keys = {
            "action": set(ActionClass.objects.filter(project=project).values_list("key", flat=True)),
            "phase": set(Phase.objects.filter(project=project).values_list("key", flat=True)),
            "level": set(_LEVELS),
        }

    def what(self, told: object, where: str) -> str:
        if told == "":
            return ""
        kind, _, key = str(told).partition(":")
        if kind not in self.keys:
            raise Refused(f"{where}: {told!r} names no segments; write action:, phase: or level: and a key.")
        if key not in self.keys[kind]:
            raise Refused(f"{where}: {self.name} has no {kind} {key!r}; it has {', '.join(sorted(self.keys[kind]))}.")
        return f"{kind}:{key}"


def _checked(rule: Mapping[str, Any], place: int, words: _Words) -> dict[str, Any]:
    where = f"Rule {place}"
    kind = str(rule.get("kind", ""))
    if kind not in FIELDS:
        raise Refused(f"{where}: there is no kind {kind!r}; there are {', '.join(FIELDS)}.")
    unknown = set(rule) - {"kind", "must", *FIELDS[kind]}
    if unknown:
        raise Refused(f"{where}: a rule of the kind {kind} has no {', '.join(sorted(unknown))}.")
    checks: dict[str, Callable[[Any], Any]] = {
        "what": lambda told: words.what("" if told is None else told, where),
        "earlier": lambda told: words.what(told, where),
        "own": bool,
        "phases": lambda told: _phases(told, where, words),
        "level": lambda told: _one_of(told, _LEVELS, "level", where),
        "field": lambda told: _one_of(told, NEEDED, "field", where),
        "seconds": lambda told: _number(told, 0.0, 36_000.0, "time in seconds", where),
        "least": lambda told: int(_number(told, 0, 20, "number of instructions", where)),
    }
    made = {"kind": kind, "must": bool(rule.get("must", True))}
    made |= {field: checks[field](rule.get(field)) for field in FIELDS[kind]}
    if kind == "needs_earlier" and not (made["what"] and made["earlier"]):
        raise Refused(f"{where}: say which segments need which earlier ones.")
    return made


def _phases(told: object, where: str, words: _Words) -> list[str]:
    if not isinstance(told, list) or len(told) < 2 or len(set(map(str, told))) != len(told):
        raise Refused(f"{where}: give two or more different phases in their order.")
    return [words.what(f"phase:{each}", where).partition(":")[2] for each in told]


def _one_of(told: object, known: Sequence[str], what: str, where: str) -> str:
    if told not in known:
        raise Refused(f"{where}: the {what} is {told!r}; it is one of {', '.join(known)}.")
    return str(told)


def _number(told: object, least: float, most: float, what: str, where: str) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float) or not least <= told <= most:
        raise Refused(f"{where}: the {what} is {told!r}; give a number from {least:g} to {most:g}.")
    return float(told)


def _segments(what: str) -> str:
    kind, _, key = what.partition(":")
    return {"": "segment", "level": f"{key} segment", "action": f"{key} action", "phase": f"{key} phase"}[kind]


def _named(what: str) -> str:
    return what.partition(":")[2]


_SENTENCES: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "needs_earlier": lambda rule: (
        f"Every {_named(rule['what'])} needs {'its own' if rule['own'] else 'an'} earlier {_named(rule['earlier'])}."
    ),
    "order": lambda rule: f"Phases come in this order: {', '.join(rule['phases'])}.",
    "no_gap": lambda rule: f"No gap between {rule['level']} segments is over {rule['seconds']:g} s.",
    "instructions": lambda rule: f"Every {_segments(rule['what'])} needs {rule['least']} instructions.",
    "longest": lambda rule: f"No {_segments(rule['what'])} is longer than {rule['seconds']:g} s.",
    "shortest": lambda rule: f"No {_segments(rule['what'])} is shorter than {rule['seconds']:g} s.",
    "needs": lambda rule: f"Every {_segments(rule['what'])} needs a value for {rule['field']}.",
    "may_overlap": lambda rule: f"Any {_segments(rule['what'])} may overlap others of its level.",
}
