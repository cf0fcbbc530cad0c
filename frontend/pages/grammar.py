"""Rules and words of action segments, in plain sentences. Everybody in the project reads them, managers write them."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from annotation import dictionary, projects, rules, taxonomy
from annotation.errors import AnnotationError
from annotation.models import Project, SegmentRevision
from frontend.access import PageRequest, enter
from frontend.answers import telling

_CELL = re.compile(r"^rule-(\d{1,3})-([a-z]+)$")
# What a rule of each kind begins with, and how it is offered.
NEW: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "needs_earlier": ("One thing needs an earlier one", {"what": "", "earlier": "", "own": True}),
    "order": ("Phases come in an order", {"phases": []}),
    "no_gap": ("No gap is longer than …", {"level": "primitive", "seconds": 0.2}),
    "instructions": ("How many instructions are needed", {"what": "", "least": 3}),
    "longest": ("No segment is longer than …", {"what": "", "seconds": 10.0}),
    "shortest": ("No segment is shorter than …", {"what": "", "seconds": 0.1}),
    "needs": ("A value has to be given", {"what": "level:primitive", "field": "phase"}),
    "may_overlap": ("Some segments may overlap", {"what": ""}),
}


@login_required
def grammar_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    project = place.project
    kept: list[dict[str, Any]] = [dict(rule) for rule in project.grammar]
    if request.method == "POST":
        if not place.is_manager:
            raise PermissionDenied("The grammar is written by managers.")
        if "words" in request.POST:
            _save_words(request, project)
            return redirect("grammar", slug)
        kept = posted(request.POST)
        if "remove" in request.POST:
            kept = [rule for n, rule in enumerate(kept) if str(n) != request.POST["remove"]]
        added = request.POST.get("add", "")
        if added in NEW:
            # A new rule is filled in before it is kept: it may not hold as it comes.
            kept.append({"kind": added, "must": True, **_begin(added, project)})
        with telling(request, "The rules are saved; open tasks are held to them from now on."):
            rules.save(project=project, rules=kept, by=request.user)
            return redirect("grammar", slug)
    shown = {
        "place": place,
        "here": "settings",
        "tab": "grammar",
        "rules": [_row(rule) for rule in kept],
        "groups": _groups(project),
        "levels": SegmentRevision.Level.choices,
        "fields": rules.NEEDED,
        "kinds": [(kind, title) for kind, (title, _) in NEW.items()],
        "languages": Project.Language.choices,
        "words": "\n".join(project.dictionary),
    }
    return render(request, "settings/grammar.html", shown)


def posted(form: QueryDict) -> list[dict[str, Any]]:
    """The rules as the page sends them: cells named rule-number-field. What is no number goes on as it is."""
    table: dict[int, dict[str, Any]] = {}
    for name, value in form.items():
        if cell := _CELL.match(name):
            table.setdefault(int(cell[1]), {})[cell[2]] = str(value).strip()
    return [_typed(row) for _, row in sorted(table.items())]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = row | {"must": row.get("must", "true") == "true"}
    if "own" in row:
        made["own"] = row["own"] == "true"
    if "phases" in row:
        made["phases"] = [key for key in re.split(r"[\s,;]+", row["phases"]) if key]
    for field, kind in (("seconds", float), ("least", int)):
        try:
            made |= {field: kind(row[field].replace(",", "."))} if field in row else {}
        except ValueError:
            continue
    return made


def _begin(kind: str, project: Project) -> dict[str, Any]:
    """Values that hold in this project, so that a rule that was just added can be saved and then changed."""
    given = dict(NEW[kind][1])
    phases = [word["key"] for word in taxonomy.content(project)["phases"] if not word["retired"]]
    if kind == "order":
        given["phases"] = phases
    if kind == "needs_earlier" and len(phases) > 1:
        wanted = ("place", "grasp") if {"place", "grasp"} <= set(phases) else (phases[-1], phases[0])
        given |= {"what": f"phase:{wanted[0]}", "earlier": f"phase:{wanted[1]}"}
    if kind == "may_overlap":
        given["what"] = "level:primitive"
    return given


def _row(rule: dict[str, Any]) -> dict[str, Any]:
    try:
        said = rules.sentence(rule)
    except (AnnotationError, KeyError, TypeError, ValueError):
        said = ""
    return rule | {"sentence": said, "listed": ", ".join(map(str, rule.get("phases") or []))}


def _groups(project: Project) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a rule may speak of, for a list to choose from."""
    content = taxonomy.content(project)
    levels = [(f"level:{value}", f"{name.lower()} segment") for value, name in SegmentRevision.Level.choices]
    return [
        ("Segments", [("", "segment"), *levels]),
        ("Phases", [(f"phase:{word['key']}", word["key"]) for word in content["phases"]]),
        ("Action classes", [(f"action:{word['key']}", word["key"]) for word in content["actions"]]),
    ]


def _save_words(request: PageRequest, project: Project) -> None:
    language = request.POST.get("language", "")
    with telling(request, "The words are saved."):
        if language != project.language:
            projects.change(project=project, by=request.user, language=language)
        dictionary.replace(project=project, words=request.POST["words"].splitlines(), by=request.user)
