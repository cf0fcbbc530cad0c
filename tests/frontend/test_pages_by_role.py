"""Every page for every role: who may open what, and what a stranger learns (nothing)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation import tasks
from annotation.models import Clip, Project, Task
from delivery.models import Delivery
from enrichment.models import Run
from tests.frontend.conftest import Browse
from tests.frontend.things import flag

EVERYONE = ["", "clips/", "runs/", "tasks/", "settings/guidelines/", "settings/taxonomy/"]
LEADS = [
    "similar/",
    "clips/query/",
    "runs/health/",
    "versions/",
    "flags/",
    "flags/{flag}/",
    "flags/checks/",
    "flags/checks/?check=flow_vs_segmentation",
    "plots/throughput.svg",
    "plots/agreement.svg",
    "reviews/{task}/",
]
MANAGERS = [
    "runs/calls/",
    "deliveries/",
    "settings/",
    "settings/engines/",
    "settings/people/",
    "uploads/",
    "settings/guidelines/?edit",
]


@pytest.fixture
def things(clip: Clip, alice: User) -> dict[str, int]:
    task = Task.objects.get(clip=clip)
    return {
        "clip": clip.pk,
        "task": task.pk,
        "flag": flag(clip).pk,
        "run": Run.objects.create(project=clip.project, by=alice, layers=[], clips=[clip.pk]).pk,
        "delivery": Delivery.objects.create(project=clip.project, format="coco", by=alice).pk,
    }


def answer(client: Client, page: str, things: dict[str, int]) -> int:
    return client.get(f"/projects/table-top/{page.format(**things)}").status_code


@pytest.mark.parametrize("page", EVERYONE)
def test_everybody_in_the_project_opens_its_common_pages(
    page: str, things: dict[str, int], alice: User, dana: User, bob: User, browse: Browse
) -> None:
    assert [answer(browse(person), page, things) for person in (alice, dana, bob)] == [200, 200, 200]


@pytest.mark.parametrize("page", LEADS)
def test_pages_about_quality_are_for_leads_and_managers(
    page: str, things: dict[str, int], alice: User, dana: User, bob: User, browse: Browse
) -> None:
    assert [answer(browse(person), page, things) for person in (alice, dana)] == [200, 200]
    assert answer(browse(bob), page, things) in {403, 404}


@pytest.mark.parametrize("page", MANAGERS[:5])
def test_pages_that_set_or_deliver_are_for_managers(
    page: str, things: dict[str, int], alice: User, dana: User, bob: User, browse: Browse
) -> None:
    assert [answer(browse(person), page, things) for person in (alice, dana, bob)] == [200, 403, 403]


@pytest.mark.parametrize("page", [*EVERYONE, *LEADS, *MANAGERS])
def test_a_stranger_does_not_learn_that_a_project_exists(
    page: str, things: dict[str, int], mallory: User, browse: Browse
) -> None:
    stranger = browse(mallory)
    assert answer(stranger, page, things) == 404
    nowhere = stranger.get("/projects/no-such-thing/")
    here = stranger.get("/projects/table-top/")
    assert "There is no such project" in here.content.decode()
    assert nowhere.status_code == here.status_code


@pytest.mark.parametrize("address", ["/clips/{clip}/", "/runs/{run}/", "/deliveries/{delivery}/"])
def test_things_with_addresses_of_their_own_are_guarded_too(
    address: str, things: dict[str, int], alice: User, mallory: User, browse: Browse
) -> None:
    assert browse(alice).get(address.format(**things)).status_code == 200
    assert browse(mallory).get(address.format(**things)).status_code == 404


@pytest.mark.parametrize("address", ["/", "/projects/", "/projects/table-top/", "/account/", "/palette/", "/clips/1/"])
def test_nobody_sees_a_page_before_logging_in(address: str, project: Project) -> None:
    said = Client().get(address)
    assert said.status_code == 302
    assert said["Location"].startswith("/login/")


def test_there_is_no_sign_up(db: None) -> None:
    assert [Client().get(f"/{page}/").status_code for page in ("signup", "register", "accounts/signup")] == [404] * 3


def test_an_annotator_does_not_see_the_other_annotators_task(
    clip: Clip, bob: User, carol: User, browse: Browse
) -> None:
    task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
    page = browse(carol).get("/projects/table-top/tasks/").content.decode()
    assert f"Task {task.pk}" not in page
    assert f"Task {task.pk}" in browse(bob).get("/projects/table-top/tasks/").content.decode()
    assert f"/tasks/{task.pk}/" not in browse(carol).get(f"/clips/{clip.pk}/").content.decode()
    assert browse(carol).get(f"/projects/table-top/reviews/{task.pk}/").status_code == 404


def test_an_annotator_may_not_decide_a_flag_or_a_review(clip: Clip, bob: User, browse: Browse) -> None:
    doubt = flag(clip)
    task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
    said = browse(bob).post(f"/projects/table-top/flags/{doubt.pk}/", {"verdict": "fixed"})
    judged = browse(bob).post(f"/projects/table-top/reviews/{task.pk}/", {"verdict": "accept"})
    doubt.refresh_from_db()
    assert (said.status_code, judged.status_code, doubt.state) == (403, 403, "open")


def test_a_form_without_its_token_is_refused_with_a_sentence(alice: User, project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    said = client.post("/projects/", {"name": "Forged"})
    assert said.status_code == 403
    assert "Reload the page" in said.content.decode()
    assert not Project.objects.filter(name="Forged").exists()
