from __future__ import annotations

import hashlib
import io
import tarfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.models import Mask, Project
from delivery import deliveries
from delivery.models import Delivery
from tests.delivery.conftest import Deliver

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")


def test_a_manager_asks_for_a_delivery_and_finds_it_in_the_list(
    api: APIClient, project: Project, drawn: list[Mask], alice: User
) -> None:
    api.force_authenticate(alice)
    asked = {"format": "coco", "filters": {"review_status": "accepted", "labels": ["gripper"]}}
    answer = api.post("/api/projects/table-top/deliveries/", asked, format="json")
    assert (answer.status_code, answer.json()["state"]) == (201, "queued")
    deliveries.run(delivery_id=answer.json()["id"])
    (listed,) = api.get("/api/projects/table-top/deliveries/").json()["results"]
    assert (listed["state"], listed["counts"]["masks"], len(listed["digest"])) == ("done", 1, 64)
    detail = api.get(f"/api/deliveries/{listed['id']}/").json()
    assert {each["path"] for each in detail["listing"]} >= {"delivery.json", "annotations/instances.json"}


def test_the_formats_are_listed(api: APIClient, alice: User) -> None:
    api.force_authenticate(alice)
    names = [each["name"] for each in api.get("/api/deliveries/formats/").json()]
    assert names == ["clip_folder", "coco", "segments"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Name a format"),
        ({"format": "cocoa"}, "no format 'cocoa'"),
        ({"format": "coco", "filters": {"labels": ["unicorn"]}}, "no label unicorn"),
        ({"format": "coco", "filter": {}}, "Unknown field filter"),
        ({"format": "coco", "options": {"images": "gif"}}, "png, jpg, none"),
        ({"format": "coco", "filters": {"clips": ["x"]}}, "integer"),
    ],
)
def test_what_cannot_be_delivered_is_refused(
    asked: dict[str, Any], said: str, api: APIClient, project: Project, alice: User
) -> None:
    api.force_authenticate(alice)
    answer = api.post("/api/projects/table-top/deliveries/", asked, format="json")
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


@pytest.fixture
def ready(deliver: Deliver, drawn: list[Mask]) -> Delivery:
    return deliver("coco")


def test_a_file_is_an_attachment(api: APIClient, ready: Delivery, alice: User) -> None:
    api.force_authenticate(alice)
    answer = api.get(f"/api/deliveries/{ready.pk}/files/SHA256SUMS")
    assert hashlib.sha256(b"".join(answer)).hexdigest() == ready.digest
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_archive_holds_the_whole_folder_and_is_the_same_every_time(
    api: APIClient, ready: Delivery, alice: User
) -> None:
    api.force_authenticate(alice)
    answers = [api.get(f"/api/deliveries/{ready.pk}/archive.tar") for _ in range(2)]
    one, two = (b"".join(answer) for answer in answers)
    assert one == two
    assert len(one) == int(answers[0]["Content-Length"])
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        held = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    lying = {
        f"{ready.folder.name}/{path.relative_to(ready.folder)}": path.read_bytes()
        for path in ready.folder.rglob("*")
        if path.is_file()
    }
    assert held == lying


@pytest.mark.parametrize("path", ["../../secret_key", "..%2f..%2fsecret_key", "/etc/passwd", "annotations", "no.json"])
def test_nothing_outside_the_folder_can_be_fetched(path: str, api: APIClient, ready: Delivery, alice: User) -> None:
    (ready.folder.parent.parent / "secret_key").write_text("x")
    api.force_authenticate(alice)
    assert api.get(f"/api/deliveries/{ready.pk}/files/{path}").status_code == 404


ROUTES = [
    ("get", "/api/projects/table-top/deliveries/"),
    ("post", "/api/projects/table-top/deliveries/"),
    ("get", "/api/deliveries/{pk}/"),
    ("post", "/api/deliveries/{pk}/retry/"),
    ("get", "/api/deliveries/{pk}/archive.tar"),
    ("get", "/api/deliveries/{pk}/files/delivery.json"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("dana", 403), ("mallory", 404), (None, 401)])
def test_only_managers_come_near_deliveries(
    method: str, path: str, name: str | None, status: int, api: APIClient, ready: Delivery, mallory: User
) -> None:
    if name:
        api.force_authenticate(User.objects.get(username=name))
    answer = getattr(api, method)(
        path.format(pk=ready.pk), {"format": "coco"} if method == "post" else None, format="json"
    )
    assert answer.status_code in ({401, 403} if status == 401 else {status})


def test_what_the_command_line_wrote_elsewhere_is_listed_but_not_served(
    api: APIClient, project: Project, drawn: list[Mask], alice: User, tmp_path: Any
) -> None:
    asked = deliveries.request(
        project=project, format="coco", filters={}, by=alice, destination=str(tmp_path / "elsewhere")
    )
    deliveries.run(delivery_id=asked.pk)
    api.force_authenticate(alice)
    assert api.get(f"/api/deliveries/{asked.pk}/").json()["state"] == "done"
    answer = api.get(f"/api/deliveries/{asked.pk}/files/delivery.json")
    assert (answer.status_code, "elsewhere" in answer.json()["error"]["message"]) == (404, True)


def test_the_list_takes_as_many_queries_for_200_rows_as_for_2(api: APIClient, project: Project, alice: User) -> None:
    api.force_authenticate(alice)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert api.get("/api/projects/table-top/deliveries/?page_size=200").status_code == 200
        return len(captured)

    Delivery.objects.bulk_create(Delivery(project=project, format="coco", by=alice) for _ in range(2))
    few = queries()
    Delivery.objects.bulk_create(Delivery(project=project, format="coco", by=alice) for _ in range(198))
    assert queries() == few
