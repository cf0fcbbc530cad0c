from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from annotation.geometry import rle
from annotation.models import Clip, Project, Task
from enrichment.checks import registry
from enrichment.checks.flow_vs_segmentation import Inputs, TrackMasks
from review import agreement, flags, reviews
from review.models import Flag
from tests.annotation.drawing import disc
from tests.factories import clip_rows

CHECK = "flow_vs_segmentation"


def finding(start: int = 2, **more: Any) -> dict[str, Any]:
    reason = f"Mask 1 moved 2 px, flow says 31 px from frame {start}."
    return {"start": start, "end": start + 3, "severity": 2, "reason": reason, "evidence": {}} | more


def as_(api: APIClient, user: User) -> APIClient:
    api.force_authenticate(user)
    return api


def opened(content: bytes) -> npt.NDArray[np.uint8]:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[return-value]


@pytest.fixture
def flag(task: Task) -> Flag:
    return flags.record(clip=task.clip, task=task, check=CHECK, findings=[finding()])[0]


def test_the_queue_is_for_qa_leads_and_managers(
    api: APIClient, flag: Flag, dana: User, bob: User, mallory: User
) -> None:
    assert as_(api, dana).get("/api/projects/table-top/flags/").data["results"][0]["id"] == flag.pk
    assert as_(api, bob).get("/api/projects/table-top/flags/").status_code == 403
    assert as_(api, mallory).get("/api/projects/table-top/flags/").status_code == 404
    assert as_(api, bob).get(f"/api/flags/{flag.pk}/").status_code == 404
    assert as_(api, mallory).get(f"/api/flags/{flag.pk}/").status_code == 404
    assert as_(api, mallory).post(f"/api/flags/{flag.pk}/decision/", {"verdict": "fixed"}).status_code == 404


def test_an_annotator_sees_the_flags_on_their_work_after_the_review_and_decides_none(
    api: APIClient, pair: tuple[Task, Task], bob: User, carol: User, dana: User
) -> None:
    first, _ = pair
    [flag] = flags.record(clip=first.clip, task=first, check=CHECK, findings=[finding()])
    assert as_(api, bob).get(f"/api/flags/{flag.pk}/").status_code == 404
    reviews.send_back(task=first, by=dana, comment="The rim is missing.")
    assert as_(api, bob).get(f"/api/flags/{flag.pk}/").status_code == 200
    assert as_(api, bob).post(f"/api/flags/{flag.pk}/decision/", {"verdict": "fixed"}).status_code == 403
    assert as_(api, carol).get(f"/api/flags/{flag.pk}/").status_code == 404


def test_the_queue_is_filtered_and_a_misspelt_filter_is_refused(
    api: APIClient, task: Task, flag: Flag, dana: User
) -> None:
    url = "/api/projects/table-top/flags/"
    flags.decide(flag=flag, verdict="dismissed", by=dana, reason="The cup is transparent.")
    flags.record(clip=task.clip, task=None, check="actions_vs_motion", findings=[finding(5, severity=3)])

    def seen(**query: Any) -> list[str]:
        return [row["check"] for row in as_(api, dana).get(url, query).data["results"]]

    assert seen() == ["actions_vs_motion"]
    assert seen(state="dismissed") == [CHECK]
    assert seen(state="any") == ["actions_vs_motion", CHECK]
    assert seen(state="any", severity=2, clip=task.clip.pk) == [CHECK]
    assert seen(check=CHECK) == []
    assert api.get(url, {"status": "open"}).status_code == 400
    assert api.get(url, {"state": "opne"}).status_code == 400


def test_the_queue_is_read_to_its_end_page_by_page_in_the_same_queries(
    api: APIClient, task: Task, dana: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = [finding(n % 20, severity=1 + n % 3, reason=f"Doubt {n}.") for n in range(130)]
    flags.record(clip=task.clip, task=task, check=CHECK, findings=many[:1])
    as_(api, dana)
    with django_assert_num_queries(9):  # project, role, flags, what was not judged of proposals, by check, and of work
        api.get("/api/projects/table-top/flags/")
    flags.record(clip=task.clip, task=task, check=CHECK, findings=many)
    with django_assert_num_queries(9):
        answer = api.get("/api/projects/table-top/flags/")
    seen = list(answer.data["results"])
    while answer.data["next"]:
        answer = api.get(answer.data["next"])
        seen += answer.data["results"]
    assert len({row["id"] for row in seen}) == len(seen) == 130
    assert [row["severity"] for row in seen] == sorted((row["severity"] for row in seen), reverse=True)


def test_a_flag_is_dismissed_with_a_reason_and_once(api: APIClient, flag: Flag, dana: User) -> None:
    url = f"/api/flags/{flag.pk}/decision/"
    answer = as_(api, dana).post(url, {"verdict": "dismissed"}, format="json")
    assert (answer.status_code, answer.data["error"]["code"]) == (422, "refused")
    answer = api.post(url, {"verdict": "dismissed", "reason": "Transparent."}, format="json")
    assert (answer.status_code, answer.data["state"], answer.data["decided_by"]) == (200, "dismissed", "dana")
    answer = api.post(url, {"verdict": "fixed"}, format="json")
    assert (answer.status_code, answer.data["error"]["code"]) == (409, "already_decided")
    assert api.post(url, {"verdict": "open"}, format="json").status_code == 400


def test_evidence_is_drawn_on_its_frames_and_nowhere_else(api: APIClient, task: Task, clip: Clip, dana: User) -> None:
    mask = {"frame": 3, "counts": rle.encode(disc(clip))["counts"]}
    found = finding(
        evidence={"masks": [mask], "vectors": [{"frame": 3, "at": [48, 32], "by": [20, 0], "kind": "flow"}]}
    )
    [flag] = flags.record(clip=clip, task=task, check=CHECK, findings=[found])
    answer = as_(api, dana).get(f"/api/flags/{flag.pk}/evidence/3.png", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    picture = opened(answer.content)
    assert picture.shape == (clip.height, clip.width, 4)
    assert (picture[..., 3] > 0)[disc(clip).astype(bool)].all()
    again = api.get(f"/api/flags/{flag.pk}/evidence/3.png", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert not opened(api.get(f"/api/flags/{flag.pk}/evidence/4.png").content).any()
    assert api.get(f"/api/flags/{flag.pk}/evidence/24.png").status_code == 422


def test_a_mask_that_stays_behind_is_flagged_and_its_evidence_drawn(
    api: APIClient, task: Task, clip: Clip, dana: User
) -> None:
    still = rle.encode(disc(clip))
    flow = np.full((clip.height, clip.width, 2), (6, 0), np.float32)
    track = TrackMasks(1, "target_object", "rigid", {0: still, 4: still})
    found = registry.get(CHECK).run(Inputs([track], lambda frame: flow))
    assert len(found) == 1
    [flag] = flags.record(clip=clip, task=task, check=CHECK, findings=[one.to_json() for one in found])
    assert "moved 0 px, the flow under it says 24 px" in flag.reason
    assert opened(as_(api, dana).get(f"/api/flags/{flag.pk}/evidence/4.png").content).any()


def test_evidence_that_names_a_track_is_drawn_from_the_work(
    api: APIClient, pair: tuple[Task, Task], dana: User
) -> None:
    first, _ = pair
    [flag] = flags.record(
        clip=first.clip, task=first, check=CHECK, findings=[finding(0, evidence={"tracks": [1]}, reason="Odd.")]
    )
    picture = opened(as_(api, dana).get(f"/api/flags/{flag.pk}/evidence/0.png").content)
    assert ((picture[..., 3] > 0) >= disc(first.clip).astype(bool)).all()
    assert picture.any()


def test_a_task_is_sent_back_and_accepted(
    api: APIClient, pair: tuple[Task, Task], dana: User, bob: User, carol: User
) -> None:
    first, second = pair
    url = f"/api/tasks/{first.pk}/review/"
    assert as_(api, bob).post(url, {"verdict": "accept"}, format="json").status_code == 403
    assert as_(api, carol).post(url, {"verdict": "accept"}, format="json").status_code == 404
    assert as_(api, dana).post(url, {"verdict": "send_back"}, format="json").status_code == 422
    answer = api.post(url, {"verdict": "send_back", "comment": "The rim is missing."}, format="json")
    assert (answer.status_code, answer.data["state"], answer.data["number"]) == (200, "sent_back", 1)
    answer = api.post(f"/api/tasks/{second.pk}/review/", {"verdict": "accept"}, format="json")
    assert (answer.status_code, answer.data["state"]) == (200, "accepted")


def test_agreement_is_answered_against_the_targets(api: APIClient, pair: tuple[Task, Task], dana: User) -> None:
    first, second = pair
    answer = as_(api, dana).get(f"/api/tasks/{first.pk}/agreement/")
    assert answer.status_code == 200
    assert answer.data["annotators"] == ["bob", "carol"]
    [label] = answer.data["labels"]
    assert (label["label"], label["target"], label["masks"]) == ("target_object", 0.85, 1)
    assert 0.8 < label["iou"] < 0.95
    assert answer.data["segments"]["temporal_iou"] is None
    assert [frame["frame"] for frame in answer.data["frames"]] == first.frames
    assert as_(api, dana).get(f"/api/tasks/{second.pk}/agreement/").data == answer.data


def test_an_annotator_sees_agreement_after_the_review_and_not_before(
    api: APIClient, pair: tuple[Task, Task], bob: User, carol: User, dana: User
) -> None:
    first, second = pair
    agreement.compare(task=first)
    urls = [f"/api/tasks/{first.pk}/agreement/", f"/api/tasks/{first.pk}/agreement/0.png"]
    assert [as_(api, bob).get(url).status_code for url in urls] == [403, 403]
    assert as_(api, carol).get(f"/api/tasks/{second.pk}/agreement/").status_code == 403
    reviews.accept(task=first, by=dana)
    assert [as_(api, bob).get(url).status_code for url in urls] == [200, 200]
    assert [as_(api, carol).get(url).status_code for url in urls] == [404, 404]
    assert as_(api, carol).get(f"/api/tasks/{second.pk}/agreement/").status_code == 200


def test_a_task_without_a_second_has_no_agreement(api: APIClient, task: Task, dana: User) -> None:
    for url in (f"/api/tasks/{task.pk}/agreement/", f"/api/tasks/{task.pk}/agreement/0.png"):
        answer = as_(api, dana).get(url)
        assert (answer.status_code, answer.data["error"]["code"]) == (404, "nothing_to_compare")


def test_both_masks_lie_over_each_other_in_three_colours(
    api: APIClient, pair: tuple[Task, Task], clip: Clip, dana: User
) -> None:
    first, second = pair
    url = f"/api/tasks/{first.pk}/agreement/0.png"
    picture = opened(as_(api, dana).get(url).content)
    bobs, carols = disc(clip).astype(bool), disc(clip, x=clip.width / 2 + 2).astype(bool)
    colours = [np.unique(picture[where], axis=0) for where in (bobs & carols, bobs & ~carols, carols & ~bobs)]
    assert [len(colour) for colour in colours] == [1, 1, 1]
    assert len({tuple(colour[0]) for colour in colours}) == 3
    assert not picture[~(bobs | carols)].any()
    assert (opened(api.get(f"/api/tasks/{second.pk}/agreement/0.png").content) == picture).all()
    assert not opened(api.get(url, {"label": "gripper"}).content).any()


def test_the_figures_of_a_project_cost_the_same_however_large_it_is(
    api: APIClient,
    project: Project,
    pair: tuple[Task, Task],
    flag: Flag,
    dana: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    agreement.compare(task=pair[0])
    as_(api, dana)
    url = "/api/projects/table-top/statistics/"
    with django_assert_max_num_queries(22) as before:
        told = api.get(url).data
    assert told["tasks"] == {"open": 0, "in_progress": 0, "submitted": 1, "sent_back": 0, "accepted": 0}
    assert told["flags"] == {"high": 0, "medium": 1, "low": 0}
    assert (told["pairs"], told["done"], len(told["days"])) == (1, 0.0, 30)
    assert told["days"][-1]["masks"] == 2
    [measured] = [label for label in told["labels"] if label["masks"]]
    assert (measured["label"], measured["meets"]) == ("target_object", measured["iou"] >= 0.85)
    rows = clip_rows(project, 30)
    Task.objects.bulk_create(
        Task(project=project, clip=row, start=0, end=24, assignee=dana, state=Task.State.ACCEPTED) for row in rows
    )
    with django_assert_max_num_queries(len(before)):
        told = api.get(url).data
    assert told["done"] == 30 / 31
