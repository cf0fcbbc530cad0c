"""A flag on a pose is settled by interpolating, from the flag to the layers that read the pose, and back again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import clips, proposals
from annotation.geometry import rle
from annotation.models import Clip, History, Project, Task
from enrichment import runs
from enrichment.errors import RunRefused
from enrichment.layers import pose, pose_3d, pose_corrected
from enrichment.models import LayerRun, PoseCorrection
from review import flags
from review.models import Flag
from tests import acted

WRIST = 10


@pytest.fixture
def filmed(project: Project, clip: Clip, django_capture_on_commit_callbacks: Any) -> Iterator[Clip]:
    """A clip with a pose in which the right wrist jumps and is lost for a moment; both are flagged."""
    Project.objects.filter(pk=project.pk).update(review_share=0.0)
    with acted.acting():
        with django_capture_on_commit_callbacks(execute=True):
            acted.computed(clip)
        yield clip


@pytest.fixture
def work(django_capture_on_commit_callbacks: Any) -> Callable[[], None]:
    """Computes what waits, and tells of it."""

    def do() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            acted.work()

    return do


def flag_of(kind: str) -> Flag:
    return Flag.objects.select_related("clip__project").get(kind=kind)


def raw(clip: Clip, path: str) -> bytes:
    return clips.folder(clip).local(path).read_bytes()


def wrist(clip: Clip, frame: int) -> np.ndarray:
    ((_, points),) = pose_corrected.reader(clips.folder(clip)).people(frame)
    return np.asarray(points[WRIST], dtype=np.float64)


def test_the_path_is_offered_before_anything_is_written(filmed: Clip, dana: User, api: APIClient) -> None:
    api.force_authenticate(dana)
    flag = flag_of("jump")
    assert (flag.start, flag.end) == acted.JUMP
    answer = api.get(f"/api/flags/{flag.pk}/interpolation/").json()
    (path,) = answer["paths"]
    assert (answer["method"], path["keypoint"], path["frames"]) == ("pchip", "right_wrist", [10])
    truth = acted.wrist_at(10, filmed.width, filmed.height)
    assert np.allclose(path["points"], [truth], atol=0.2)
    assert not PoseCorrection.objects.exists()
    assert flag_of("jump").is_open


def test_accepting_settles_the_flag_and_every_layer_after_it_reads_the_new_path(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    flag, engines_own = flag_of("jump"), raw(filmed, pose.FILE)
    before = np.load(filmed.folder / pose_3d.FILE)
    assert wrist(filmed, 10)[0] > 0.8 * filmed.width
    answer = api.post(f"/api/flags/{flag.pk}/interpolation/")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "fixed"
    assert answer.json()["correction"]["by"] == "dana"
    work()
    assert raw(filmed, pose.FILE) == engines_own, "what the engine said stays as it is"
    truth = np.array(acted.wrist_at(10, filmed.width, filmed.height))
    assert np.allclose(wrist(filmed, 10)[:2], truth, atol=0.2)
    after = np.load(filmed.folder / pose_3d.FILE)
    assert np.allclose(after[10, WRIST, 0], (truth[0] - filmed.width / 2) * acted.WALL / filmed.width, atol=0.01)
    assert not np.allclose(after[10, WRIST], before[10, WRIST], atol=0.1)
    assert np.array_equal(np.delete(after, 10, axis=0), np.delete(before, 10, axis=0), equal_nan=True)
    assert Flag.objects.get(pk=flag.pk).state == Flag.State.FIXED
    assert not Flag.objects.open().filter(kind="jump").exists()


def test_files_and_manifest_name_the_method_the_frames_and_nobody(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    api.post(f"/api/flags/{flag_of('jump').pk}/interpolation/")
    work()
    made = PoseCorrection.objects.get()
    (note,) = json.loads(raw(filmed, pose_corrected.NOTES_FILE))["corrections"]
    assert (note["number"], note["method"], note["start"], note["end"]) == (made.pk, "pchip", 10, 11)
    assert note["from_frames"] == {"right_wrist": [7, 8, 9, 11, 12, 13]}
    marked = [one for one in json.loads(raw(filmed, pose_corrected.FILE))["annotations"] if "interpolated" in one]
    assert [(one["image_id"], one["interpolated"]) for one in marked] == [(10, ["right_wrist"])]
    entry = clips.folder(filmed).manifest()["layers"]["pose_corrected"]
    assert entry["engine"] == "pchip"
    assert entry["parameters"]["corrections"][0]["because"] == flag_of("jump").reason
    assert "dana" not in json.dumps(clips.folder(filmed).manifest())
    assert clips.folder(filmed).verify() == []
    assert History.objects.filter(verb="interpolated", actor=dana, subject_id=str(made.pk)).exists()


def test_taken_back_everything_is_as_it_was_and_the_flag_is_open(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    flag = flag_of("jump")
    files = {path: raw(filmed, path) for path in (pose_corrected.NOTES_FILE, pose_3d.FILE, pose_3d.META_FILE)}
    current = set(LayerRun.objects.current().values_list("layer", "fingerprint"))
    api.post(f"/api/flags/{flag.pk}/interpolation/")
    work()
    answer = api.delete(f"/api/flags/{flag.pk}/interpolation/")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "open"
    work()
    assert {path: raw(filmed, path) for path in files} == files
    assert set(LayerRun.objects.current().values_list("layer", "fingerprint")) == current
    assert flag_of("jump").is_open
    told = History.objects.filter(subject="flag", subject_id=str(flag.pk)).order_by("-pk")
    assert told.values_list("verb", flat=True)[0] == "opened again"
    made = PoseCorrection.objects.get()
    assert (made.by, made.undone_by) == (dana, dana), "that it was done is not forgotten"
    assert api.delete(f"/api/flags/{flag.pk}/interpolation/").status_code == 422


def test_a_joint_that_is_lost_for_a_moment_is_found_again(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    flag = flag_of("gap")
    assert (flag.start, flag.end) == acted.LOST
    assert wrist(filmed, 18)[2] < 0.3
    assert api.post(f"/api/flags/{flag.pk}/interpolation/").status_code == 200
    work()
    x, y, sure = wrist(filmed, 18)
    assert np.allclose([x, y], acted.wrist_at(18, filmed.width, filmed.height), atol=0.2)
    assert sure == pytest.approx(0.9, abs=1e-3)
    assert not Flag.objects.open().filter(kind="gap").exists()


def test_a_new_pose_is_not_corrected_by_what_was_said_of_the_old_one(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    api.post(f"/api/flags/{flag_of('jump').pk}/interpolation/")
    work()
    runs.configure(project=filmed.project, layer="people", parameters={}, by=None)
    LayerRun.objects.filter(layer="pose").update(fingerprint="f" * 64)
    runs.request(project=filmed.project, by=dana, clips=[filmed], layers=["pose_corrected"], tell=False)
    work()
    assert LayerRun.objects.current().get(layer="pose").fingerprint == PoseCorrection.objects.get().pose
    PoseCorrection.objects.update(pose="e" * 64)
    runs.request(project=filmed.project, by=dana, clips=[filmed], layers=["pose_corrected"], tell=False)
    work()
    assert json.loads(raw(filmed, pose_corrected.NOTES_FILE))["corrections"] == []


def test_a_pose_that_is_out_of_date_is_refused_and_the_flag_stays_open(
    filmed: Clip, dana: User, api: APIClient
) -> None:
    api.force_authenticate(dana)
    flag = flag_of("jump")
    LayerRun.objects.filter(layer="pose").update(fingerprint="f" * 64)
    answer = api.post(f"/api/flags/{flag.pk}/interpolation/")
    assert answer.status_code in {409, 422}
    assert "out of date" in answer.json()["error"]["message"]
    flag.refresh_from_db()
    assert flag.is_open
    assert not PoseCorrection.objects.exists()


def found_again(filmed: Clip, api: APIClient, work: Callable[[], None]) -> Flag:
    """A jump that was interpolated, and that the check then found as it had before."""
    flag = flag_of("jump")
    finding = {name: getattr(flag, name) for name in ("start", "end", "severity", "reason", "evidence")}
    api.post(f"/api/flags/{flag.pk}/interpolation/")
    work()
    flags.record(clip=filmed, task=None, check=flag.check_name, findings=[finding])
    return flag


def test_a_fault_that_is_found_again_after_it_was_interpolated_is_open_again(
    filmed: Clip, dana: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    flag = found_again(filmed, api, work)
    flag.refresh_from_db()
    assert flag.is_open


def test_what_was_decided_after_the_check_found_it_again_stands_when_it_is_taken_back(
    filmed: Clip, dana: User, alice: User, api: APIClient, work: Callable[[], None]
) -> None:
    api.force_authenticate(dana)
    flag = found_again(filmed, api, work)
    flags.decide(flag=flag, verdict="fixed", by=alice, reason="Drawn by hand.")
    assert api.delete(f"/api/flags/{flag.pk}/interpolation/").json()["state"] == "fixed"
    flag.refresh_from_db()
    assert (flag.state, flag.decided_by, flag.decision) == ("fixed", alice, "Drawn by hand.")
    told = History.objects.filter(subject="flag", subject_id=str(flag.pk)).order_by("-pk").first()
    assert told is not None
    assert (told.verb, told.actor) == ("took back the interpolation of", dana)


def test_what_is_too_long_is_refused_with_a_sentence_and_nothing_is_written(
    filmed: Clip, dana: User, api: APIClient
) -> None:
    api.force_authenticate(dana)
    flag = flag_of("jump")
    Flag.objects.filter(pk=flag.pk).update(start=3, end=15)
    for answer in (api.get(f"/api/flags/{flag.pk}/interpolation/"), api.post(f"/api/flags/{flag.pk}/interpolation/")):
        assert answer.status_code == 422
        assert "0.60 s is the most" in answer.json()["error"]["message"]
    assert flag_of("jump").is_open
    assert not PoseCorrection.objects.exists()


def test_the_evidence_of_a_joint_shows_no_mask_that_has_the_persons_number(
    filmed: Clip, dana: User, api: APIClient
) -> None:
    mask = np.ones((filmed.height, filmed.width), np.uint8)
    frames = {str(n): {"counts": rle.encode(mask)["counts"], "confidence": 1.0} for n in range(filmed.frame_count)}
    track = {"track_id": 1, "label": "support_surface", "confidence": 1.0, "frames": frames}
    content = {"engine": "e", "size": [filmed.height, filmed.width], "tracks": [track]}
    clips.folder(filmed).write("segmentation/masks.json", json.dumps(content).encode())
    item = {"number": 1, "label": "support_surface", "confidence": 1.0, "start": 0, "end": filmed.frame_count}
    given: dict[str, Any] = {"clip": filmed, "engine": "e", "fingerprint": "a" * 64, "kind": "mask_track"}
    proposals.publish(**given, path="segmentation/masks.json", items=[item])
    api.force_authenticate(dana)
    png = api.get(f"/api/flags/{flag_of('gap').pk}/evidence/18.png").content
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert 0 < (drawn[..., 3] > 0).mean() < 0.5


def test_a_flag_on_masks_offers_nothing(filmed: Clip, dana: User, api: APIClient) -> None:
    finding = {"start": 2, "end": 5, "severity": 2, "reason": "Mask 1 moved.", "evidence": {"tracks": [1]}}
    flags.record(clip=filmed, task=None, check="flow_vs_segmentation", findings=[finding])
    flag = Flag.objects.get(check_name="flow_vs_segmentation")
    api.force_authenticate(dana)
    assert api.get(f"/api/flags/{flag.pk}/").json()["can_interpolate"] is False
    assert api.get(f"/api/flags/{flag.pk}/interpolation/").status_code == 404


def test_who_decides_second_is_told_who_was_first(filmed: Clip, dana: User, alice: User, api: APIClient) -> None:
    flag = flag_of("jump")
    flags.decide(flag=flag, verdict="dismissed", by=alice, reason="It is a glove.")
    api.force_authenticate(dana)
    answer = api.post(f"/api/flags/{flag.pk}/interpolation/")
    assert answer.status_code == 409
    assert "alice was first" in answer.json()["error"]["message"]


def test_an_annotator_may_interpolate_what_was_sent_back_to_them_and_nothing_else(
    filmed: Clip, dana: User, bob: User, carol: User, api: APIClient, submit: Callable[..., Task]
) -> None:
    task = Task.objects.select_related("project", "clip").get(clip=filmed)
    flag, other = flag_of("jump"), flag_of("gap")
    submit(task, bob)
    api.force_authenticate(bob)
    assert api.get(f"/api/flags/{flag.pk}/").status_code == 404
    assert api.get(f"/api/tasks/{task.pk}/flags/").json() == []
    flags.decide(flag=flag, verdict="sent_back", by=dana, reason="See the wrist.")
    assert [each["id"] for each in api.get(f"/api/tasks/{task.pk}/flags/").json()] == [flag.pk]
    assert api.get(f"/api/flags/{flag.pk}/interpolation/").status_code == 200
    assert api.get(f"/api/flags/{other.pk}/interpolation/").status_code == 404
    answer = api.post(f"/api/flags/{flag.pk}/interpolation/")
    assert (answer.status_code, answer.json()["decided_by"]) == (200, "bob")
    assert api.delete(f"/api/flags/{flag.pk}/interpolation/").status_code == 200
    flag.refresh_from_db()
    assert (flag.state, flag.decided_by, flag.decision) == ("sent_back", dana, "See the wrist."), "bob still has it"
    assert flag.decided_at is not None
    api.force_authenticate(carol)
    assert api.post(f"/api/flags/{flag.pk}/interpolation/").status_code == 404


def test_a_project_cannot_set_corrections_for_all_its_clips(project: Project) -> None:
    given: dict[str, Any] = {"corrections": [{"number": 1}]}
    with pytest.raises(RunRefused, match="no parameter corrections"):
        runs.configure(project=project, layer="pose_corrected", parameters=given, by=None)
