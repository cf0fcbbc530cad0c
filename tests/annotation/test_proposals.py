from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from annotation import clips, masks, proposal_masks, proposals, segments, tasks, withdrawals, work
from annotation.errors import Refused
from annotation.geometry import rle
from annotation.models import Clip, Decision, Proposal, Task
from annotation.revisions import Origin
from tests.annotation.drawing import disc


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def proposal(clip: Clip) -> Proposal:
    """A mask track on frames 0 to 5, as the segmentation layer would leave it."""
    counts = rle.encode(disc(clip))["counts"]
    track = {"track_id": 7, "label": "container", "confidence": 0.9}
    track["frames"] = {str(frame): {"counts": counts, "confidence": 0.9} for frame in range(6)}
    content = {"engine": "test 1", "size": [clip.height, clip.width], "tracks": [track]}
    clips.folder(clip).write("segmentation/masks.json", json.dumps(content).encode())
    item = {"number": 7, "label": "container", "confidence": 0.9, "start": 0, "end": 6}
    for _ in range(2):
        proposals.publish(
            clip=clip,
            kind="mask_track",
            engine="test 1",
            fingerprint="f" * 64,
            path="segmentation/masks.json",
            items=[item],
        )
    return Proposal.objects.get()


def test_an_accepted_track_lies_on_all_its_frames_and_says_who_made_it(
    task: Task, proposal: Proposal, bob: User
) -> None:
    proposals.accept(task=task, proposals=[proposal], by=bob)
    proposals.accept(task=task, proposals=[proposal], by=bob)
    found = work.load(Task.objects.get(pk=task.pk))
    assert [(track.label, track.number) for track in found.tracks] == [("container", 1)]
    assert [mask.frame for mask in found.masks] == [0, 1, 2, 3, 4, 5]
    assert {(mask.method, mask.engine, mask.edit_iou) for mask in found.masks} == {("auto", "test 1", 1.0)}
    assert Decision.objects.get().verdict == Decision.Verdict.ACCEPTED


def test_a_correction_is_measured_against_the_proposal(task: Task, proposal: Proposal, bob: User, clip: Clip) -> None:
    proposals.accept(task=task, proposals=[proposal], by=bob)
    mask = work.load(task).masks[2]
    smaller = disc(clip, radius=clip.height / 8)
    saved = masks.save(
        task=task,
        id=uuid.UUID(mask.id),
        track_id=uuid.UUID(mask.track_id),
        frame=2,
        counts=rle.encode(smaller)["counts"],
        base_version=1,
        by=bob,
        origin=Origin(),
    )
    assert saved.mine.edit_iou == pytest.approx(smaller.sum() / disc(clip).sum())
    assert saved.mine.proposal == proposal
    assert Decision.objects.get().verdict == Decision.Verdict.ADJUSTED


def test_a_newer_run_replaces_what_is_shown_but_not_what_was_decided(
    task: Task, proposal: Proposal, bob: User, clip: Clip
) -> None:
    proposals.accept(task=task, proposals=[proposal], by=bob)
    proposals.publish(clip=clip, kind="mask_track", engine="test 2", fingerprint="e" * 64, items=[])
    assert not Proposal.objects.current().exists()
    assert Decision.objects.filter(proposal=proposal).exists()


def test_a_label_that_is_not_in_the_taxonomy_must_be_chosen(task: Task, proposal: Proposal, bob: User) -> None:
    Proposal.objects.update(label="thing")
    proposal.refresh_from_db()
    with pytest.raises(Refused, match="not in the taxonomy"):
        proposals.accept(task=task, proposals=[proposal], by=bob)
    proposals.accept(task=task, proposals=[proposal], by=bob, label="obstacle_rigid")
    assert work.load(task).tracks[0].label == "obstacle_rigid"


def test_the_browser_reads_and_decides_proposals(api: APIClient, task: Task, proposal: Proposal, bob: User) -> None:
    api.force_authenticate(bob)
    [item] = api.get(f"/api/tasks/{task.pk}/proposals/").data["items"]
    assert (item["label"], item["confidence"], item["verdict"]) == ("container", 0.9, None)
    seen = api.get(f"/api/tasks/{task.pk}/proposals/masks/?start=4&end=24").json()
    assert sorted(seen["frames"]) == ["4", "5"]
    key = str(uuid.uuid4())
    for _ in range(2):
        answer = api.post(
            f"/api/tasks/{task.pk}/decisions/",
            {"proposals": [proposal.pk], "verdict": "accepted"},
            format="json",
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 200, answer.data
        assert len(answer.data["work"]["masks"]) == 6
    assert api.get(f"/api/tasks/{task.pk}/proposals/").data["items"][0]["verdict"] == "accepted"


def test_an_accepted_segment_keeps_its_words_and_a_moved_end_is_measured(task: Task, bob: User, clip: Clip) -> None:
    details = {"level": "primitive", "phase": "grasp", "descriptions": ["Take it.", "Grab it.", "Pick it up."]}
    item = {"number": 0, "label": "pick", "confidence": 0.8, "start": 6, "end": 12, "details": details}
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=[item])
    proposals.accept(task=task, proposals=list(Proposal.objects.all()), by=bob)
    [segment] = work.load(task).segments
    assert (segment.start, segment.end, segment.action, segment.phase) == (6, 12, "pick", "grasp")
    assert segment.instructions == ("Take it.", "Grab it.", "Pick it up.")
    moved = {"start": 6, "end": 15, "action": "pick", "phase": "grasp", "instructions": segment.instructions}
    segments.save(task=task, id=uuid.UUID(segment.id), base_version=1, by=bob, **moved)
    [segment] = work.load(task).segments
    assert (segment.start_shift, segment.end_shift) == (0.0, pytest.approx(3 / 12))  # 12 frames a second
    assert segment.proposal_id == Proposal.objects.get().pk
    assert Decision.objects.get().verdict == Decision.Verdict.ADJUSTED


def test_many_proposals_are_put_aside_in_one_statement_and_a_new_verdict_takes_the_place_of_the_old(
    task: Task, bob: User, clip: Clip, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    item = {"label": "pick", "confidence": 0.3, "start": 6, "end": 12, "details": {}}
    items = [item | {"number": n} for n in range(300)]
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=items)
    several = list(Proposal.objects.select_related("clip"))
    proposals.accept(task=task, proposals=several[:1], by=bob)
    with django_assert_max_num_queries(12):
        proposals.reject(task=task, proposals=several, by=bob)
    assert Decision.objects.filter(verdict=Decision.Verdict.REJECTED).count() == 300


def test_taking_an_acceptance_back_leaves_the_proposal_undecided_and_doing_it_again_finds_the_same_track(
    task: Task, proposal: Proposal, bob: User
) -> None:
    [track] = proposals.accept(task=task, proposals=[proposal], by=bob)
    assert withdrawals.withdraw(task=task, proposals=[proposal], by=bob) == [track]
    assert not Decision.objects.made().exists()
    assert work.load(task).masks == ()
    assert proposals.accept(task=task, proposals=[proposal], by=bob) == [track]
    assert Decision.objects.get().verdict == Decision.Verdict.ACCEPTED
    assert len(work.load(task).masks) == 6


def test_an_accepted_segment_is_taken_back_and_brought_back_as_it_was(task: Task, bob: User, clip: Clip) -> None:
    details = {"level": "primitive", "phase": "grasp", "descriptions": ["Take it.", "Grab it.", "Pick it up."]}
    item = {"number": 0, "label": "pick", "confidence": 0.8, "start": 6, "end": 12, "details": details}
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=[item])
    chosen = list(Proposal.objects.all())
    proposals.accept(task=task, proposals=chosen, by=bob)
    [before] = work.load(task).segments
    withdrawals.withdraw(task=task, proposals=chosen, by=bob)
    assert work.load(task).segments == ()
    assert not Decision.objects.made().exists()
    proposals.accept(task=task, proposals=chosen, by=bob)
    [after] = work.load(task).segments
    assert (after.id, after.instructions, after.method) == (before.id, before.instructions, "auto")
    assert Decision.objects.get().verdict == Decision.Verdict.ACCEPTED


def test_what_somebody_else_has_worked_on_is_not_taken_back(
    task: Task, proposal: Proposal, bob: User, dana: User, clip: Clip
) -> None:
    proposals.accept(task=task, proposals=[proposal], by=bob)
    mask = work.load(task).masks[2]
    where = {"id": uuid.UUID(mask.id), "track_id": uuid.UUID(mask.track_id), "frame": 2, "base_version": 1}
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED)
    masks.save(task=task, **where, counts=rle.encode(disc(clip, radius=9))["counts"], by=dana)
    Task.objects.filter(pk=task.pk).update(state=Task.State.IN_PROGRESS)
    with pytest.raises(Refused, match="dana has worked on object 1"):
        withdrawals.withdraw(task=task, proposals=[proposal], by=bob)
    assert len(work.load(task).masks) == 6


def test_the_browser_makes_a_proposal_undecided_and_learns_the_versions(
    api: APIClient, task: Task, proposal: Proposal, bob: User
) -> None:
    api.force_authenticate(bob)

    def decide(verdict: str) -> dict[str, Any]:
        body = {"proposals": [proposal.pk], "verdict": verdict}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return api.post(f"/api/tasks/{task.pk}/decisions/", body, format="json", headers=headers).json()

    [track] = decide("accepted")["work"]["tracks"]
    answer = decide("undecided")
    assert answer["erased"] == [{"kind": "tracks", "id": track["id"], "version": 2}]
    assert api.get(f"/api/tasks/{task.pk}/proposals/").data["items"][0]["verdict"] is None
    gone = api.get(f"/api/tasks/{task.pk}/work/").json()["gone"]
    assert sorted(thing["kind"] for thing in gone) == ["masks"] * 6 + ["tracks"]
    [again] = decide("accepted")["work"]["tracks"]
    assert (again["id"], again["version"]) == (track["id"], 3)


def test_several_are_accepted_at_once_each_with_its_own_label(task: Task, bob: User, clip: Clip) -> None:
    items = [
        {"number": n, "label": label, "confidence": 0.8, "start": 6 * n, "end": 6 * n + 4, "details": {}}
        for n, label in enumerate(("pick", "nonsense", "place"))
    ]
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=items)
    chosen = list(Proposal.objects.filter(kind="segment").order_by("number"))
    labels = {chosen[1].pk: "pick"}
    assert len(proposals.accept(task=task, proposals=chosen, by=bob, labels=labels)) == 3
    assert [segment.action for segment in work.load(task).segments] == ["pick", "pick", "place"]


def test_other_words_reach_the_segment_they_are_about_and_nothing_that_was_made_of_it(
    api: APIClient, task: Task, bob: User, clip: Clip, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    details = {"level": "primitive", "phase": "grasp", "descriptions": ["Take it.", "Grab it.", "Pick it up."]}
    item = {"label": "pick", "confidence": 0.8, "end": 12, "details": details}
    items = [item | {"number": number, "start": start} for number, start in enumerate((0, 4, 8))]
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="e" * 64, items=items)
    proposals.publish(clip=clip, kind="segment", engine="test 1", fingerprint="f" * 64, items=items)
    first, second = Proposal.objects.current().order_by("number")[:2]
    proposals.accept(task=task, proposals=[first], by=bob)
    said = {"sentences": ["Grip it.", "Close on the cup.", "Hold the cup tight."], "by": "gemini, segment-1"}
    wordings = [said | {"number": number, "start": start, "end": 12} for number, start in ((0, 0), (1, 4), (2, 9))]
    with django_assert_max_num_queries(8):
        assert proposals.reword(clip=clip, wordings=wordings) == 2  # the third begins elsewhere by now
    api.force_authenticate(bob)
    told = {each["number"]: each["details"] for each in api.get(f"/api/tasks/{task.pk}/proposals/").data["items"]}
    assert told[1] == details | {"descriptions": said["sentences"], "described_by": "gemini, segment-1"}
    assert told[0]["described_by"] == "gemini, segment-1"
    assert told[2] == details
    assert not Proposal.objects.filter(superseded=True, details__has_key="described_by").exists()
    [segment] = work.load(task).segments
    assert segment.instructions == tuple(details["descriptions"])
    second.refresh_from_db()
    proposals.accept(task=task, proposals=[second], by=bob)
    assert tuple(said["sentences"]) in {each.instructions for each in work.load(task).segments}


def test_a_file_that_was_removed_is_let_go_and_another_one_of_its_name_is_read(task: Task, proposal: Proposal) -> None:
    path = clips.folder(proposal.clip).local("segmentation/masks.json")
    first = proposal_masks._in_hand.of(path)
    assert proposal_masks.on_frame(proposal, 3) == first.masks_of(7)[3]
    assert proposal_masks._in_hand.of(path) is first
    content = json.loads(path.read_bytes())
    content["tracks"][0]["frames"].pop("3")
    clips.folder(proposal.clip).write("segmentation/masks.json", json.dumps(content).encode())
    assert proposal_masks.on_frame(proposal, 3) is None
    assert proposal_masks.on_frame(proposal, 4) is not None
    path.unlink()
    other = path.with_name("other.json")
    other.write_text(json.dumps(content))
    proposal_masks._in_hand.of(other)
    assert path not in proposal_masks._in_hand._readers
    assert other in proposal_masks._in_hand._readers
