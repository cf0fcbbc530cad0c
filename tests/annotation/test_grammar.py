"""Rules for action segments: the cases that the browser is held to as well, and how a project keeps its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import grammar, rules
from annotation.errors import Refused
from annotation.models import History, Project

CASES = json.loads((Path(__file__).parents[1] / "grammar_cases.json").read_text(encoding="utf-8"))["cases"]
RULE = {"kind": "needs_earlier", "what": "phase:place", "earlier": "phase:grasp", "own": True}


def seconds(frame: int, clock: str) -> float:
    return frame / 30 + (0.5 if clock == "variable" and frame > 10 else 0.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_rule_says_of_segments_what_the_cases_say(case: dict[str, Any]) -> None:
    segments = [SimpleNamespace(**each) for each in case["segments"]]
    found = grammar.broken(segments, case["rules"], lambda frame: seconds(frame, case["clock"]))  # type: ignore[arg-type]
    assert [asdict(each) for each in found] == case["broken"]


def test_every_kind_of_rule_is_in_the_cases_and_has_a_sentence(project: Project, alice: User) -> None:
    tried = {rule["kind"] for case in CASES for rule in case["rules"]}
    assert tried == set(rules.FIELDS)
    kept = rules.save(project=project, by=alice, rules=[RULE])
    assert rules.sentence(kept[0]) == "Every place needs its own earlier grasp."
    assert rules.sentence(kept[0] | {"must": False}) == "Every place needs its own earlier grasp, as a warning."
    assert History.objects.filter(verb="changed the grammar of").get().data["after"] == [rules.sentence(kept[0])]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"kind": "rhyme"}, "Rule 1: there is no kind 'rhyme'"),
        (RULE | {"what": "phase:dance"}, "no phase 'dance'"),
        (RULE | {"what": ""}, "which segments need which"),
        (RULE | {"colour": "red"}, "has no colour"),
        ({"kind": "no_gap", "level": "primitive", "seconds": "soon"}, "'soon'; give a number"),
        ({"kind": "no_gap", "level": "deep", "seconds": 1}, "'deep'; it is one of task, primitive"),
        ({"kind": "order", "phases": ["grasp", "grasp"]}, "two or more different phases"),
        ({"kind": "needs", "what": "", "field": "mood"}, "'mood'; it is one of"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_place(
    project: Project, alice: User, rule: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        rules.save(project=project, by=alice, rules=[rule])
    project.refresh_from_db()
    assert project.grammar == []


def test_managers_write_the_grammar_and_everybody_reads_it(
    project: Project, api: APIClient, alice: User, bob: User
) -> None:
    address = f"/api/projects/{project.slug}/grammar/"
    api.force_authenticate(bob)
    assert api.put(address, {"rules": [RULE]}, format="json").status_code == 403
    api.force_authenticate(alice)
    assert api.put(address, {"rules": [RULE]}, format="json").data["rules"] == [RULE | {"must": True}]
    api.force_authenticate(bob)
    assert api.get(address).data["sentences"] == ["Every place needs its own earlier grasp."]
