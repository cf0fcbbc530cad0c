"""Projects, people, words, clips and frames over HTTP: who may do what, and that lists stay quick."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from annotation import clips
from annotation.media.probe import inspect
from annotation.models import Clip, Project
from annotation.scene.numbered import draw_numbered_picture, read_frame_number
from tests.factories import ProjectFactory, UserFactory, clip_rows, tiny_video

SLUG = "/api/projects/table-top/"
# What each person gets: nobody, a stranger, an annotator, a QA lead, a manager.
EVERY_MEMBER = (401, 404, 200, 200, 200)
MANAGERS = (401, 404, 403, 403, 200)
# Not a body: an upload is announced in headers.
UPLOAD = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": "filename YXJtLm1wNA=="}
ROUTES: list[tuple[str, str, Any, tuple[int, ...]]] = [
    ("get", "/api/projects/", None, (401, 200, 200, 200, 200)),
    ("post", "/api/projects/", {"name": "Pouring"}, (401, 403, 403, 403, 201)),
    ("get", SLUG, None, EVERY_MEMBER),
    ("patch", SLUG, {"description": "x"}, MANAGERS),
    ("get", f"{SLUG}taxonomy/", None, EVERY_MEMBER),
    ("put", f"{SLUG}taxonomy/", {"labels": [{"key": "cup"}], "actions": [], "phases": []}, MANAGERS),
    ("get", f"{SLUG}guidelines/", None, EVERY_MEMBER),
    ("post", f"{SLUG}guidelines/", {"text": "# New"}, (401, 404, 403, 403, 201)),
    ("get", f"{SLUG}members/", None, EVERY_MEMBER),
    ("get", f"{SLUG}members/bob/", None, EVERY_MEMBER),
    ("put", f"{SLUG}members/bob/", {"role": "qa_lead"}, MANAGERS),
    ("delete", f"{SLUG}members/carol/", None, (401, 404, 403, 403, 204)),
    ("get", f"{SLUG}clips/", None, EVERY_MEMBER),
    ("get", f"{SLUG}uploads/", None, EVERY_MEMBER),
    ("post", f"{SLUG}uploads/", UPLOAD, (401, 404, 403, 403, 201)),
    ("get", "/api/clips/{clip}/", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/times/", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/source", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/frames/3.jpg", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/frames/3.png", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/stream/", None, EVERY_MEMBER),
    ("get", "/api/clips/{clip}/packets/?frame=3", None, EVERY_MEMBER),
]


@pytest.mark.parametrize(("method", "route", "data", "expected"), ROUTES, ids=lambda value: str(value)[:40])
def test_each_person_gets_what_their_role_allows(
    api: APIClient,
    project: Project,
    clip: Clip,
    alice: User,
    bob: User,
    dana: User,
    mallory: User,
    method: str,
    route: str,
    data: Any,
    expected: tuple[int, ...],
) -> None:
    got = []
    for person in (None, mallory, bob, dana, alice):
        api.force_authenticate(person)
        given = {"headers": data} if data is UPLOAD else {"data": data, "format": "json"}
        answer = getattr(api, method)(route.format(clip=clip.pk), **given)
        got.append(answer.status_code)
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) >= {"code", "message"}
    assert tuple(got) == expected


def test_a_stranger_learns_nothing_of_what_exists(api: APIClient, project: Project, clip: Clip, mallory: User) -> None:
    api.force_authenticate(mallory)
    there = api.get(SLUG).json()["error"]["message"]
    assert api.get("/api/projects/no-such/").json()["error"]["message"] == there
    assert api.get("/api/projects/").json()["results"] == []
    message = api.get(f"/api/clips/{clip.pk}/").json()["error"]["message"]
    assert api.get("/api/clips/999/").json()["error"]["message"] == message.replace(str(clip.pk), "999")


def test_who_makes_a_project_manages_it(api: APIClient, mallory: User) -> None:
    mallory.user_permissions.add(Permission.objects.get(codename="add_project"))
    api.force_authenticate(User.objects.get(pk=mallory.pk))
    made = api.post("/api/projects/", {"name": "Pouring Tea"}, format="json")
    assert made.status_code == 201
    assert made.json() | {"created_at": ""} == {
        "slug": "pouring-tea", "name": "Pouring Tea", "description": "", "role": "manager", "clips": 0, "people": 1,
        "taxonomy_version": 1, "review_share": 0.15, "keyframes_per_second": 1.0, "amodal": False, "created_at": "",
    }  # fmt: skip
    assert api.post("/api/projects/", {"name": "Pouring tea"}, format="json").status_code == 422
    wrong = api.post("/api/projects/", {"name": "x", "colour": "red"}, format="json")
    assert (wrong.status_code, "colour" in wrong.json()["error"]["message"]) == (400, True)


def test_words_are_read_and_replaced_whole(api: APIClient, project: Project, alice: User) -> None:
    api.force_authenticate(alice)
    words = api.get(f"{SLUG}taxonomy/").json()
    assert words.pop("version") == 1
    words["labels"][0]["definition"] = "What is moved."
    answer = api.put(f"{SLUG}taxonomy/", words, format="json")
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert api.get(f"{SLUG}taxonomy/?version=1").json()["labels"][0]["definition"] != "What is moved."
    assert api.get(f"{SLUG}taxonomy/?version=two").status_code == 400
    assert api.get(f"{SLUG}taxonomy/?version=7").status_code == 422
    words["labels"][0]["iou_target"] = 85
    assert api.put(f"{SLUG}taxonomy/", words, format="json").status_code == 400


def test_people_are_named_and_unknown_ones_are_not_made(api: APIClient, project: Project, alice: User) -> None:
    api.force_authenticate(alice)
    listed = api.get(f"{SLUG}members/").json()["results"]
    assert {person["username"]: person["role"] for person in listed} == {
        "alice": "manager", "bob": "annotator", "carol": "annotator", "dana": "qa_lead",
    }  # fmt: skip
    assert api.put(f"{SLUG}members/nobody/", {"role": "annotator"}, format="json").status_code == 404
    assert api.put(f"{SLUG}members/bob/", {"role": "king"}, format="json").status_code == 400
    assert api.delete(f"{SLUG}members/alice/").status_code == 422


def test_a_list_of_clips_is_searched_by_words_and_scene(api: APIClient, project: Project, bob: User) -> None:
    clip_rows(project, 2, scene="kitchen")
    clip_rows(project, 1, scene="bench")
    api.force_authenticate(bob)

    def names(query: str) -> list[str]:
        return [clip["name"] for clip in api.get(f"{SLUG}clips/{query}").json()["results"]]

    assert names("") == ["clip 2", "clip 1", "clip 0"]
    assert names("?q=clip+1") == ["clip 1"]
    assert names("?q=kitch") == ["clip 1", "clip 0"]
    assert names("?scene=bench") == ["clip 2"]
    assert names("?scene=ben") == []
    assert api.get(f"{SLUG}clips/?project__name=x").status_code == 400


def test_clips_are_paged_to_the_end_without_a_gap(api: APIClient, project: Project, bob: User) -> None:
    clip_rows(project, 25)
    api.force_authenticate(bob)
    found, address = [], f"{SLUG}clips/?page_size=10"
    while address:
        page = api.get(address).json()
        found += [clip["name"] for clip in page["results"]]
        address = page["next"]
    assert found == [f"clip {n}" for n in reversed(range(25))]


@pytest.mark.parametrize("route", [f"{SLUG}clips/?page_size=500", "/api/projects/?page_size=500", f"{SLUG}members/"])
def test_a_list_of_a_thousand_costs_the_queries_of_ten(
    api: APIClient, project: Project, alice: User, route: str, django_assert_num_queries: Any
) -> None:
    def grow(count: int) -> None:
        clip_rows(project, count)
        people = User.objects.bulk_create(User(username=f"p{User.objects.count()}-{n}") for n in range(count))
        project.memberships.bulk_create(
            project.memberships.model(project=project, user=person, role="annotator") for person in people
        )
        start = Project.objects.count()
        made = Project.objects.bulk_create(Project(name=f"p{n}", slug=f"p{n}") for n in range(start, start + count))
        project.memberships.bulk_create(
            project.memberships.model(project=each, user=alice, role="manager") for each in made
        )

    api.force_authenticate(alice)
    grow(10)
    expected = 1 if route.startswith("/api/projects/?") else 3
    with django_assert_num_queries(expected):
        api.get(route)
    grow(990)
    with django_assert_num_queries(expected):
        assert api.get(route).status_code == 200


def test_a_clip_tells_its_facts_and_times(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    facts = api.get(f"/api/clips/{clip.pk}/").json()
    assert facts["project"] == "table-top"
    assert (facts["width"], facts["height"], facts["frame_count"], facts["fps"]) == (96, 64, 24, 12.0)
    assert (facts["keyframes"], facts["sha256"], facts["added_by"]) == ([0, 12], clip.sha256, "alice")
    times = api.get(f"/api/clips/{clip.pk}/times/").json()
    assert (times["frame_count"], len(times["seconds"])) == (24, 24)
    assert times["seconds"] == pytest.approx([n / 12 for n in range(24)])


def test_a_lossless_frame_has_the_pixels_that_layers_see(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    answer = api.get(f"/api/clips/{clip.pk}/frames/7.png")
    assert answer["Content-Type"] == "image/png"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    with clips.reader(clip) as reader:
        np.testing.assert_array_equal(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), reader.read(7))


def test_packets_come_with_their_frames_and_may_be_kept_for_ever(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    stream = api.get(f"/api/clips/{clip.pk}/stream/").json()
    assert (stream["refusal"], stream["codec"][:5], stream["layout"]) == ("", "avc1.", "I420")
    assert [len(stream["colour"][name]) for name in ("y", "rv", "gu", "gv", "bu")] == [256] * 5
    answer = api.get(f"/api/clips/{clip.pk}/packets/?frame=5")
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.content[:4] == b"LPK1"
    again = api.get(f"/api/clips/{clip.pk}/packets/?frame=5", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get(f"/api/clips/{clip.pk}/packets/?frame=24").status_code == 404
    for wrong in ("", "?frame=-1", "?frame=x", "?frame=1&start=2"):
        assert api.get(f"/api/clips/{clip.pk}/packets/{wrong}").status_code == 400


def test_a_clip_without_times_of_its_own_says_why_it_has_no_packets(
    api: APIClient, project: Project, clip: Clip, bob: User
) -> None:
    Clip.objects.filter(pk=clip.pk).update(timestamps_synthesised=True)
    api.force_authenticate(bob)
    assert "no times of its own" in api.get(f"/api/clips/{clip.pk}/stream/").json()["refusal"]


def test_a_frame_is_exact_and_may_be_kept_for_ever(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    for frame in (0, 11, 23):
        answer = api.get(f"/api/clips/{clip.pk}/frames/{frame}.jpg", headers={"Accept": "image/jpeg"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert (picture.shape, read_frame_number(picture)) == ((64, 96, 3), frame)
    again = api.get(f"/api/clips/{clip.pk}/frames/23.jpg", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    small = api.get(f"/api/clips/{clip.pk}/frames/23.jpg?side=320")
    assert small["ETag"] != answer["ETag"]
    missing = api.get(f"/api/clips/{clip.pk}/frames/24.jpg")
    assert missing.status_code == 404
    assert "frames are 0 to 23" in missing.json()["error"]["message"]
    assert api.get(f"/api/clips/{clip.pk}/frames/1.jpg?side=33").status_code == 400
    assert api.get(f"/api/clips/{clip.pk}/frames/1.jpg?alone=perhaps").status_code == 400


def test_a_frame_asked_for_alone_brings_no_others(
    api: APIClient, clip: Clip, bob: User, tmp_path: Path, settings: Any
) -> None:
    settings.STILLS_DIR = tmp_path
    api.force_authenticate(bob)
    api.get(f"/api/clips/{clip.pk}/frames/2.jpg?alone=true")
    assert len(list(tmp_path.rglob("*.jpg"))) == 1
    api.get(f"/api/clips/{clip.pk}/frames/5.jpg")
    assert len(list(tmp_path.rglob("*.jpg"))) > 10


def test_a_stranger_gets_no_frame_even_with_its_etag(api: APIClient, clip: Clip, bob: User, mallory: User) -> None:
    api.force_authenticate(bob)
    etag = api.get(f"/api/clips/{clip.pk}/frames/0.jpg")["ETag"]
    api.force_authenticate(mallory)
    assert api.get(f"/api/clips/{clip.pk}/frames/0.jpg", headers={"If-None-Match": etag}).status_code == 404


def test_a_damaged_source_is_said_and_not_shown(api: APIClient, clip: Clip, bob: User) -> None:
    path = clips.source(clip)
    data = bytearray(path.read_bytes())
    start = len(data) // 3
    data[start : start + 2000] = bytes(2000)
    path.write_bytes(bytes(data))
    api.force_authenticate(bob)
    answers = [api.get(f"/api/clips/{clip.pk}/frames/{frame}.jpg") for frame in range(0, 24, 4)]
    assert 422 in {answer.status_code for answer in answers}
    assert all(answer.status_code in (200, 422) for answer in answers)


def test_the_source_comes_back_byte_for_byte_as_an_attachment(api: APIClient, clip: Clip, bob: User) -> None:
    api.force_authenticate(bob)
    answer: Any = api.get(f"/api/clips/{clip.pk}/source")
    assert b"".join(answer) == tiny_video().read_bytes()
    assert answer["Content-Disposition"] == f'attachment; filename="{clip.source_name}"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_folder_of_pictures_comes_back_as_a_tar(
    api: APIClient, project: Project, alice: User, tmp_path: Path
) -> None:
    for frame in range(3):
        cv2.imwrite(str(tmp_path / f"p{frame}.png"), draw_numbered_picture(frame, 96, 64))
    made = clips.add(project=project, path=tmp_path, facts=inspect(tmp_path), about={}, by=alice, name="stills")
    api.force_authenticate(alice)
    answer: Any = api.get(f"/api/clips/{made.pk}/source")
    assert 'filename="stills.tar"' in answer["Content-Disposition"]
    data = b"".join(answer)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["stills/p0.png", "stills/p1.png", "stills/p2.png"]
        last = archive.extractfile("stills/p2.png")
        assert last is not None
        assert last.read() == (tmp_path / "p2.png").read_bytes()
    again: Any = api.get(f"/api/clips/{made.pk}/source")
    assert hashlib.sha256(b"".join(again)).digest() == hashlib.sha256(data).digest()


def test_a_token_opens_the_api_until_the_next_one_is_made(project: Project, bob: User) -> None:
    client = APIClient()
    client.force_login(bob)
    first = client.post("/api/token/")
    assert (first.status_code, first["Cache-Control"]) == (201, "no-store")
    script = APIClient(headers={"Authorization": f"Token {first.json()['token']}"})
    assert script.get(SLUG).status_code == 200
    client.post("/api/token/")
    assert script.get(SLUG).status_code == 401
    assert client.delete("/api/token/").status_code == 204
    assert not Token.objects.exists()


def test_a_browser_cannot_be_made_to_write_from_another_site(project: Project, alice: User) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get(SLUG).status_code == 200
    assert browser.patch(SLUG, {"description": "x"}, format="json").status_code == 403
    assert browser.delete(f"{SLUG}members/bob/").status_code == 403


def test_a_superuser_manages_every_project(api: APIClient, project: Project) -> None:
    root = UserFactory(username="root", is_superuser=True)
    ProjectFactory(by=root)
    api.force_authenticate(root)
    listed = api.get("/api/projects/").json()["results"]
    assert {each["slug"]: each["role"] for each in listed}["table-top"] == "manager"
    assert api.patch(SLUG, {"review_share": 0.5}, format="json").json()["review_share"] == 0.5
