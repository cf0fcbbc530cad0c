"""What an action segment says: object, hand, outcome and instructions, and what is remarked of its words."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import dictionary, rules, segments, tasks, tier1, tracks, wording
from annotation.errors import Refused
from annotation.models import Clip, Project, SegmentRevision, Task, Track
from annotation.work import load_segments

THREE = ["Lift the red cup", "Raise the cup off the table", "Take it up"]


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def cup(task: Task, bob: User) -> Track:
    saved = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=bob, label="target_object")
    return saved.mine.of


def save(task: Task, by: User, start: int = 0, end: int = 10, **more: Any) -> SegmentRevision:
    said = {"action": "pick", "instructions": THREE} | more
    return segments.save(task=task, id=uuid.uuid4(), base_version=0, by=by, start=start, end=end, **said).mine


def said(task: Task, *words: str) -> list[tier1.Remark]:
    return [remark for remark in tier1.check_task(task) if all(word in remark.message for word in words)]


def test_what_is_sent_comes_back_whole(task: Task, cup: Track, bob: User, api: APIClient) -> None:
    api.force_authenticate(bob)
    sent = {
        "start": 2, "end": 9, "level": "primitive", "action": "pick", "phase": "lift", "object": str(cup.pk),
        "object_name": "red cup", "hand": str(cup.pk), "hand_side": "left", "outcome": "recovery", "confidence": 0.5,
        "instructions": THREE,
    }  # fmt: skip
    address, headers = f"/api/tasks/{task.pk}/segments/{uuid.uuid4()}/", {"Idempotency-Key": str(uuid.uuid4())}
    answer = api.put(address, sent, format="json", headers=headers | {"If-Match": "0"})
    assert answer.status_code == 201, answer.data
    [kept] = api.get(f"/api/tasks/{task.pk}/work/").json()["segments"]
    assert {name: kept[name] for name in sent} == sent
    bad = api.put(
        f"/api/tasks/{task.pk}/segments/{uuid.uuid4()}/",
        sent | {"outcome": "luck"},
        format="json",
        headers={"Idempotency-Key": str(uuid.uuid4()), "If-Match": "0"},
    )
    assert bad.status_code == 400


def test_a_segment_is_saved_again_as_it_stands(task: Task, cup: Track, bob: User) -> None:
    first = save(task, bob, object=cup.pk, object_name="cup", hand_side="both", outcome="failure", confidence=0.2)
    content = segments.content_of(SegmentRevision.objects.select_related("action", "phase").get(pk=first.pk))
    segments.save(task=task, id=first.of.pk, base_version=1, by=bob, **content)
    one, other = SegmentRevision.objects.order_by("pk")
    for field in ("object_id", "object_name", "hand_id", "hand_side", "outcome", "confidence", "instructions"):
        assert getattr(one, field) == getattr(other, field)


def test_an_object_of_another_task_is_refused_and_an_erased_one_is_remarked(task: Task, cup: Track, bob: User) -> None:
    with pytest.raises(Refused, match="has no track"):
        save(task, bob, object=uuid.uuid4())
    save(task, bob, object=cup.pk)
    assert not said(task, "erased")
    tracks.save(task=task, id=cup.pk, base_version=1, by=bob, label="target_object", deleted=True)
    [remark] = said(task, "The object of the segment", "was erased")
    assert remark.severity == "error"


def test_near_copies_are_named_with_both_numbers(task: Task, bob: User) -> None:
    save(task, bob, instructions=["Put the red block into the box", "Pour the tea", "Put the red block in the box"])
    [remark] = said(task, "Instructions 1 and 3 are nearly the same (97 % alike)")
    assert (remark.severity, remark.instruction) == ("error", 2)
    assert load_segments(task)[0].id == remark.segment


@pytest.mark.parametrize(
    ("one", "other"),
    [("Grip the kettle", "Grasp the kettle"), ("Put it into the box", "Move it to the box"), ("", "")],
)
def test_another_verb_is_another_way_to_say_it(one: str, other: str) -> None:
    assert wording.near_copies([one, other]) == []


def test_a_word_that_no_dictionary_has_is_remarked_until_the_project_knows_it(
    project: Project, task: Task, bob: User, api: APIClient
) -> None:
    save(task, bob, instructions=["Lift the kettel", "Raise the gooseneckish pot", "Take it up"])
    [meant] = said(task, "kettel")
    assert (meant.severity, meant.word, meant.meant, meant.instruction) == ("warning", "kettel", "kettle", 0)
    assert said(task, "gooseneckish")
    api.force_authenticate(bob)
    answer = api.post(f"/api/projects/{project.slug}/dictionary/", {"word": "Gooseneckish"}, format="json")
    assert answer.data["words"] == ["gooseneckish"]
    task.refresh_from_db()
    assert not said(Task.objects.get(pk=task.pk), "gooseneckish")
    with pytest.raises(Refused, match="is not one word"):
        dictionary.add(project=project, word="two words", by=bob)


def test_keys_names_codes_and_the_objects_own_name_are_known(task: Task, bob: User) -> None:
    texts = [
        "Regrasp the target_object",
        "Put the T next to SAM and XQZ-7",
        "Ask Ilse for the frobnik",
    ]
    save(task, bob, instructions=texts, object_name="frobnik")
    assert said(task, "no dictionary") == []


def test_without_a_language_nothing_is_spelled(project: Project, task: Task, bob: User) -> None:
    save(task, bob, instructions=["Hebe den Topf hoch", "Nimm den Topf auf", "Topf anheben"])
    assert said(task, "no dictionary")
    Project.objects.filter(pk=project.pk).update(language="")
    assert not said(Task.objects.get(pk=task.pk), "no dictionary")
    Project.objects.filter(pk=project.pk).update(language="de")
    assert not said(Task.objects.get(pk=task.pk), "no dictionary")


def test_frames_that_a_task_does_not_have_are_named_with_both_ends(task: Task, bob: User) -> None:
    last = task.end - 1
    with pytest.raises(Refused, match=f"on frames 5 to {last + 2} does not lie inside .* frames 0 to {last}"):
        save(task, bob, 5, task.end + 2)
    with pytest.raises(Refused, match="starts at frame 5 and has ended at frame 5 holds none"):
        save(task, bob, 5, 5)


def test_a_broken_rule_stands_in_the_way_of_submitting_and_a_warning_does_not(
    project: Project, task: Task, bob: User
) -> None:
    gap = {"kind": "no_gap", "level": "primitive", "seconds": 0.1}
    save(task, bob, 0, 5)
    save(task, bob, 12, 20)
    rules.save(project=project, by=bob, rules=[gap])
    with pytest.raises(Refused, match="There is a gap of"):
        tasks.submit(task=task, user=bob)
    rules.save(project=project, by=bob, rules=[gap | {"must": False}])
    tasks.submit(task=Task.objects.get(pk=task.pk), user=bob)
