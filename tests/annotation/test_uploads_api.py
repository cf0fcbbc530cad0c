"""Uploads over HTTP, as a tus 1.0 client sends them."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIClient

from annotation import uploads
from annotation.models import Clip, Project, Upload
from tests.factories import tiny_video

OCTETS = "application/offset+octet-stream"


def metadata(**told: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())


def create(api: APIClient, project: Project, size: int, **told: str) -> Response:
    return api.post(
        f"/api/projects/{project.slug}/uploads/",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(size),
            "Upload-Metadata": metadata(**({"filename": "arm.mp4"} | told)),
        },
    )


def piece(api: APIClient, place: str, offset: int, data: bytes, content_type: str = OCTETS) -> Response:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return api.patch(place, data=data, content_type=content_type, headers=headers)


@pytest.fixture
def video() -> bytes:
    return tiny_video().read_bytes()


def test_a_client_sends_a_file_in_pieces_and_goes_on_after_a_break(
    api: APIClient, project: Project, alice: User, video: bytes, django_capture_on_commit_callbacks: Any
) -> None:
    api.force_authenticate(alice)
    made = create(api, project, len(video), scene="bench 2", contributor='{"handedness": "right"}')
    assert (made.status_code, made["Tus-Resumable"]) == (201, "1.0.0")
    place = made["Location"]
    assert place == f"/api/uploads/{made.json()['id']}/"

    answer = piece(api, place, 0, video[:1000])
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "1000")
    asked = api.head(place)
    assert (asked.status_code, asked["Upload-Offset"], asked["Upload-Length"]) == (200, "1000", str(len(video)))
    assert asked["Cache-Control"] == "no-store"
    # A piece sent again after its answer was lost:
    again = piece(api, place, 0, video[:1000])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_offset")
    assert again["Upload-Offset"] == "1000"
    answer = piece(api, place, 1000, video[1000:])
    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(len(video)))
    assert api.get(place).json()["state"] == "waiting"

    with django_capture_on_commit_callbacks(execute=True):
        uploads.inspect(upload_id=uuid.UUID(made.json()["id"]))
    told = api.get(place).json()
    clip = Clip.objects.get()
    assert told == {
        "id": made.json()["id"], "name": "arm.mp4", "state": "done", "offset": len(video), "size": len(video),
        "progress": 1.0, "reason": "", "clip": clip.pk,
    }  # fmt: skip
    assert (clip.scene, clip.contributor) == ("bench 2", {"handedness": "right"})


def test_it_says_what_it_can_do_to_anybody(api: APIClient, project: Project, settings: Settings) -> None:
    answer = api.options(f"/api/projects/{project.slug}/uploads/")
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,termination"
    assert answer["Tus-Max-Size"] == str(settings.MAX_UPLOAD_BYTES)


def test_it_refuses_a_client_of_another_version(api: APIClient, project: Project, alice: User) -> None:
    api.force_authenticate(alice)
    answer = api.post(f"/api/projects/{project.slug}/uploads/", headers={"Tus-Resumable": "0.2.2"})
    assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({"Upload-Metadata": metadata(filename="a.mp4")}, 400, "Upload-Length"),
        ({"Upload-Length": "-3", "Upload-Metadata": metadata(filename="a.mp4")}, 400, "whole number"),
        ({"Upload-Length": "9" * 40, "Upload-Metadata": metadata(filename="a.mp4")}, 400, "whole number"),
        ({"Upload-Length": "10"}, 400, "name the file"),
        ({"Upload-Length": "10", "Upload-Metadata": "filename ???"}, 400, "base64"),
        ({"Upload-Length": "10", "Upload-Metadata": metadata(filename="a.mp4", size="3")}, 422, "no field 'size'"),
        ({"Upload-Length": "0", "Upload-Metadata": metadata(filename="a.mp4")}, 422, "no bytes"),
        ({"Upload-Length": str(2**50), "Upload-Metadata": metadata(filename="a.mp4")}, 413, "at most"),
    ],
)
def test_it_refuses_an_announcement_that_makes_no_sense(
    api: APIClient, project: Project, alice: User, headers: dict[str, str], status: int, sentence: str
) -> None:
    api.force_authenticate(alice)
    answer = api.post(f"/api/projects/{project.slug}/uploads/", headers=headers)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]["message"]
    assert not Upload.objects.exists()


def test_a_piece_of_another_type_or_without_an_offset_is_refused(
    api: APIClient, project: Project, alice: User, video: bytes
) -> None:
    api.force_authenticate(alice)
    place = create(api, project, len(video))["Location"]
    assert piece(api, place, 0, video, content_type="application/octet-stream").status_code == 415
    assert api.patch(place, data=video, content_type=OCTETS).status_code == 400
    assert piece(api, place, 0, video + b"more").status_code == 413
    assert api.head(place)["Upload-Offset"] == "0"


def test_a_name_cannot_lead_out_of_the_folder(api: APIClient, project: Project, alice: User, video: bytes) -> None:
    api.force_authenticate(alice)
    made = create(api, project, len(video), filename="../../../etc/cron.d/arm.mp4")
    piece(api, made["Location"], 0, video)
    uploads.inspect(upload_id=uuid.UUID(made.json()["id"]))
    clip = Clip.objects.get()
    assert clip.source_name == "arm.mp4"
    assert (clip.folder / "source" / "arm.mp4").is_file()


def test_an_upload_is_its_senders_and_the_managers(
    api: APIClient, project: Project, alice: User, bob: User, carol: User, dana: User, mallory: User, video: bytes
) -> None:
    """Bob began it when he was a manager; he may still see it through."""
    begun = uploads.begin(project=project, name="arm.mp4", size=len(video), about={}, by=bob)
    place = f"/api/uploads/{begun.pk}/"
    api.force_authenticate(bob)
    piece(api, place, 0, video[:10])
    for person, status in ((None, 401), (mallory, 404), (carol, 404), (dana, 404), (alice, 200), (bob, 200)):
        api.force_authenticate(person)
        assert api.get(place).status_code == status
        assert api.head(place).status_code == status
        if status != 200:
            assert piece(api, place, 10, video[10:]).status_code == status
            assert api.delete(place).status_code == status
    api.force_authenticate(mallory)
    assert create(api, project, 10).status_code == 404
    listed = {}
    for person in (alice, bob, carol):
        api.force_authenticate(person)
        listed[person.username] = len(api.get(f"/api/projects/{project.slug}/uploads/").json()["results"])
    assert listed == {"alice": 1, "bob": 1, "carol": 0}


def test_a_cancelled_upload_is_gone_with_its_bytes(
    api: APIClient, project: Project, alice: User, video: bytes, django_capture_on_commit_callbacks: Any
) -> None:
    api.force_authenticate(alice)
    place = create(api, project, len(video))["Location"]
    piece(api, place, 0, video[:10])
    path = Upload.objects.get().path
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(place).status_code == 204
    assert not path.exists()
    assert api.head(place).status_code == 404
