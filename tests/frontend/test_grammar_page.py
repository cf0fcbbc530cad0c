"""The page on which managers write the rules for action segments, and everybody reads them."""

from __future__ import annotations

from django.contrib.auth.models import User

from annotation import rules
from annotation.models import Project
from frontend.pages.grammar import NEW
from tests.frontend.conftest import Browse
from tests.frontend.test_deeds import Form

ADDRESS = "/projects/table-top/settings/grammar/"


def test_a_rule_of_every_kind_is_added_and_saved_untouched(project: Project, alice: User, browse: Browse) -> None:
    client = browse(alice)
    assert set(NEW) == set(rules.FIELDS)
    for kind in NEW:
        data = Form(client.get(ADDRESS).content.decode(), "grammar").data
        client.post(ADDRESS, data | {"add": kind})
    project.refresh_from_db()
    kept = project.grammar
    assert [rule["kind"] for rule in kept] == list(NEW)
    data = Form(client.get(ADDRESS).content.decode(), "grammar").data
    client.post(ADDRESS, data)
    project.refresh_from_db()
    assert project.grammar == kept


def test_a_rule_is_changed_made_a_warning_and_removed(project: Project, alice: User, browse: Browse) -> None:
    rules.save(project=project, by=alice, rules=[{"kind": "no_gap", "level": "primitive", "seconds": 0.2}])
    client = browse(alice)
    data = Form(client.get(ADDRESS).content.decode(), "grammar").data
    client.post(ADDRESS, data | {"rule-0-seconds": "0,5", "rule-0-must": "false"})
    project.refresh_from_db()
    assert project.grammar == [{"kind": "no_gap", "must": False, "level": "primitive", "seconds": 0.5}]
    wrong = client.post(ADDRESS, data | {"rule-0-seconds": "soon"}).content.decode()
    assert "Rule 1: the time in seconds is" in wrong
    assert 'value="soon"' in wrong
    client.post(ADDRESS, data | {"remove": "0"})
    project.refresh_from_db()
    assert project.grammar == []


def test_annotators_read_the_rules_and_write_none(project: Project, alice: User, bob: User, browse: Browse) -> None:
    rules.save(project=project, by=alice, rules=[{"kind": "longest", "what": "phase:grasp", "seconds": 2}])
    client = browse(bob)
    assert "No grasp phase is longer than 2 s." in client.get(ADDRESS).content.decode()
    assert client.post(ADDRESS, {"rule-0-kind": "longest"}).status_code == 403


def test_the_words_and_their_language_are_kept(project: Project, alice: User, browse: Browse) -> None:
    browse(alice).post(ADDRESS, {"words": "Gooseneck\n\nfrobnik\n", "language": "de"})
    project.refresh_from_db()
    assert (project.dictionary, project.language) == (["frobnik", "gooseneck"], "de")
