from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation import guidelines, projects, tasks
from annotation.errors import Refused
from annotation.models import Clip, History, Membership, Project, Task
from tests.factories import ProjectFactory, UserFactory

Role = Membership.Role


def roles(project: Project) -> dict[str, str]:
    return dict(project.memberships.values_list("user__username", "role"))


def test_a_new_project_has_words_a_guideline_and_its_maker_as_manager(alice: User) -> None:
    made = projects.create(name=" Table top ", slug="Table-Top", by=alice)
    assert (made.name, made.slug) == ("Table top", "table-top")
    assert roles(made) == {"alice": "manager"}
    assert made.labels.count() == 9
    assert list(made.phases.values_list("key", flat=True)) == [
        "approach", "pre-grasp", "grasp", "lift", "transport", "place", "release",
    ]  # fmt: skip
    assert made.taxonomy_version == 1
    current = guidelines.current(made)
    assert current is not None
    assert current.number == 1
    assert set(made.history.values_list("verb", flat=True)) == {"created", "saved", "published"}


@pytest.mark.parametrize(
    ("name", "slug"), [("", "a"), ("A", ""), ("A", "with space"), ("A", "x" * 61), ("n" * 121, "a")]
)
def test_it_refuses_a_project_without_a_proper_name(alice: User, name: str, slug: str) -> None:
    with pytest.raises(Refused):
        projects.create(name=name, slug=slug, by=alice)
    assert not Project.objects.exists()


def test_it_refuses_a_short_name_that_is_taken(project: Project, alice: User) -> None:
    with pytest.raises(Refused, match="taken"):
        projects.create(name="Another", slug="table-top", by=alice)


def test_a_role_is_changed_and_the_change_is_written_down(project: Project, alice: User, bob: User) -> None:
    projects.set_role(project=project, user=bob, role="qa_lead", by=alice)
    assert roles(project)["bob"] == "qa_lead"
    last = History.objects.filter(verb="set the role of").first()
    assert last is not None
    assert (last.actor, last.data["before"], last.data["after"]) == (alice, "annotator", "qa_lead")


def test_it_refuses_a_role_that_does_not_exist(project: Project, alice: User, bob: User) -> None:
    with pytest.raises(Refused, match="annotator, qa_lead, manager"):
        projects.set_role(project=project, user=bob, role="owner", by=alice)


def test_a_project_never_loses_its_last_manager(project: Project, alice: User, bob: User) -> None:
    with pytest.raises(Refused, match="only manager"):
        projects.set_role(project=project, user=alice, role="annotator", by=alice)
    with pytest.raises(Refused, match="only manager"):
        projects.remove_member(project=project, user=alice, by=alice)
    projects.set_role(project=project, user=bob, role="manager", by=alice)
    projects.remove_member(project=project, user=alice, by=bob)
    assert roles(project) == {"bob": "manager", "carol": "annotator", "dana": "qa_lead"}


def test_what_a_removed_person_had_in_hand_goes_back_to_the_queue(
    project: Project, clip: Clip, alice: User, bob: User, carol: User
) -> None:
    held = tasks.claim_next(project=project, user=bob)
    assert held is not None
    projects.remove_member(project=project, user=bob, by=alice)
    assert Task.objects.get(pk=held.pk).state == Task.State.OPEN
    again = tasks.claim_next(project=project, user=carol)
    assert again is not None
    assert again.pk == held.pk


def test_removing_somebody_who_is_not_there_is_said(project: Project, alice: User, mallory: User) -> None:
    with pytest.raises(Refused, match="mallory is not in Table top"):
        projects.remove_member(project=project, user=mallory, by=alice)


def test_a_guideline_said_again_is_no_new_version(project: Project, alice: User) -> None:
    first = guidelines.publish(project=project, text="# Rules\r\nOne.", by=alice)
    again = guidelines.publish(project=project, text="# Rules\nOne.\n", by=alice)
    other = guidelines.publish(project=project, text="# Rules\nTwo.", by=alice)
    assert (first.number, again.number, other.number) == (2, 2, 3)
    assert guidelines.current(project) == other
    with pytest.raises(Refused, match="text"):
        guidelines.publish(project=project, text="  \n", by=alice)


def test_each_project_numbers_its_guidelines_on_its_own(project: Project) -> None:
    other = ProjectFactory(by=UserFactory(username="erin"))
    current = guidelines.current(other)
    assert current is not None
    assert current.number == 1
