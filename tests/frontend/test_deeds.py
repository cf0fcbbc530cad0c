"""What people do on pages goes through the verbs, and a refusal comes back as a sentence."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation import taxonomy
from annotation.models import Clip, Guideline, Membership, Project, Task, Upload
from delivery.models import Delivery
from enrichment.models import Run
from review.models import Flag
from tests.frontend.conftest import Browse
from tests.frontend.things import flag

pytestmark = pytest.mark.django_db


class Form(HTMLParser):
    """What a browser would send for a form when nothing in it was touched."""

    def __init__(self, html: str, id: str) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self._id, self._inside, self._template, self._select, self._area = id, False, 0, "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: dict[str, Any] = dict(attrs)
        self._template += tag == "template"
        if tag == "form":
            self._inside = found.get("id") == self._id
        if not self._inside or self._template:
            return
        if tag == "input" and (found.get("type") != "checkbox" or "checked" in found):
            self.data[found["name"]] = found.get("value") or "on"
            if found.get("type") != "checkbox":
                self.data[found["name"]] = found.get("value") or ""
        if tag == "select":
            self._select = found["name"]
        if tag == "textarea":
            self._area = found["name"]
            self.data[self._area] = ""
        if tag == "option" and ("selected" in found or self._select not in self.data):
            self.data[self._select] = found["value"]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.data[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        self._template -= tag == "template"
        if tag == "form":
            self._inside = False


def notices(client: Client, address: str) -> str:
    return client.get(address).content.decode().split('id="notices"')[1].split("</div>")[0]


def test_a_new_project_is_made_with_a_short_name_from_its_name(project: Project, alice: User, browse: Browse) -> None:
    said = browse(alice).post("/projects/", {"name": "Müll & Kartons"})
    made = Project.objects.get(name="Müll & Kartons")
    assert said["Location"] == f"/projects/{made.slug}/"
    assert Membership.objects.get(project=made, user=alice).role == "manager"


def test_only_who_manages_a_project_is_offered_to_begin_another(
    project: Project, alice: User, dana: User, bob: User, mallory: User, browse: Browse
) -> None:
    for person in (dana, bob, mallory):
        assert 'id="new"' not in browse(person).get("/projects/").content.decode()
        assert browse(person).post("/projects/", {"name": "Mine"}).status_code == 403
    assert not Project.objects.filter(name="Mine").exists()
    assert 'id="new"' in browse(alice).get("/projects/").content.decode()


def test_a_taken_short_name_is_said_beside_the_form(project: Project, alice: User, browse: Browse) -> None:
    page = browse(alice).post("/projects/", {"name": "Another", "slug": "table-top"}).content.decode()
    assert "is taken by another project" in page
    assert 'value="Another"' in page


def test_saving_the_taxonomy_untouched_changes_nothing(project: Project, alice: User, browse: Browse) -> None:
    before = taxonomy.content(project)
    client = browse(alice)
    form = Form(client.get("/projects/table-top/settings/taxonomy/").content.decode(), "taxonomy")
    client.post("/projects/table-top/settings/taxonomy/", form.data)
    project.refresh_from_db()
    assert taxonomy.content(project) == before
    assert project.taxonomy_version == 1


def test_a_label_is_added_and_another_changed_in_the_taxonomy(project: Project, alice: User, browse: Browse) -> None:
    client = browse(alice)
    form = Form(client.get("/projects/table-top/settings/taxonomy/").content.decode(), "taxonomy")
    data = form.data | {
        "labels-0-iou_target": "0.9",
        "labels-50-key": "cable",
        "labels-50-colour": "#123456",
        "labels-50-definition": "Long and thin.",
        "labels-50-rigidity": "thin",
        "labels-50-iou_target": "0.7",
        "labels-50-min_area": "12",
        "labels-50-min_width": "2",
    }
    client.post("/projects/table-top/settings/taxonomy/", data)
    labels = taxonomy.content(project)["labels"]
    assert labels[0]["iou_target"] == 0.9
    assert labels[-1]["key"] == "cable"
    assert labels[0]["definition"].startswith("An object that is being manipulated")


def test_a_wrong_number_in_the_taxonomy_is_said_and_nothing_is_lost(
    project: Project, alice: User, browse: Browse
) -> None:
    client = browse(alice)
    form = Form(client.get("/projects/table-top/settings/taxonomy/").content.decode(), "taxonomy")
    page = client.post("/projects/table-top/settings/taxonomy/", form.data | {"labels-0-iou_target": "much"})
    html = page.content.decode()
    assert "iou_target" in html.split('id="notices"')[1].split("</div>")[0]
    assert 'value="much"' in html


def test_only_managers_write_taxonomy_and_guidelines(project: Project, dana: User, browse: Browse) -> None:
    client = browse(dana)
    assert client.post("/projects/table-top/settings/taxonomy/", {}).status_code == 403
    assert client.post("/projects/table-top/settings/guidelines/", {"text": "Mine"}).status_code == 403


def test_guidelines_are_published_as_a_new_version_and_old_ones_stay(
    project: Project, alice: User, bob: User, browse: Browse
) -> None:
    browse(alice).post("/projects/table-top/settings/guidelines/", {"text": "# New rules"})
    reader = browse(bob)
    assert "<h1>New rules</h1>" in reader.get("/projects/table-top/settings/guidelines/").content.decode()
    assert "New rules" not in reader.get("/projects/table-top/settings/guidelines/?version=1").content.decode()
    assert Guideline.objects.filter(project=project).count() == 2


def test_a_person_is_taken_in_given_another_role_and_taken_out(
    project: Project, alice: User, mallory: User, browse: Browse
) -> None:
    client, page = browse(alice), "/projects/table-top/settings/people/"
    client.post(page, {"username": "mallory", "role": "annotator"})
    client.post(page, {"username": "mallory", "role": "qa_lead"})
    assert Membership.objects.get(project=project, user=mallory).role == "qa_lead"
    client.post(page, {"username": "mallory", "what": "remove"})
    assert not Membership.objects.filter(project=project, user=mallory).exists()


def test_an_account_is_made_for_who_has_none_and_its_password_is_seen_once(
    project: Project, alice: User, browse: Browse
) -> None:
    client, page = browse(alice), "/projects/table-top/settings/people/"
    asked = client.post(page, {"username": "zoë", "role": "annotator"}).content.decode()
    assert "Make an account for zoë" in asked
    assert not User.objects.filter(username="zoë").exists()
    made = client.post(page, {"username": "zoë", "role": "annotator", "what": "account"})
    password = made.context["password"]
    assert password in made.content.decode()
    assert password not in client.get(page).content.decode()
    assert Client().login(username="zoë", password=password)
    assert Membership.objects.get(project=project, user__username="zoë").role == "annotator"
    taken = client.post(page, {"username": "zoë", "role": "manager", "what": "account"}).content.decode()
    assert "already exists" in taken
    assert Membership.objects.get(project=project, user__username="zoë").role == "annotator"


def test_a_name_without_latin_letters_asks_for_a_short_name(alice: User, project: Project, browse: Browse) -> None:
    said = browse(alice).post("/projects/", {"name": "積み木"}).content.decode()
    assert "give one here" in said
    browse(alice).post("/projects/", {"name": "積み木", "slug": "blocks"})
    assert Project.objects.get(slug="blocks").name == "積み木"


def test_the_only_manager_stays(project: Project, alice: User, browse: Browse) -> None:
    client, page = browse(alice), "/projects/table-top/settings/people/"
    client.post(page, {"username": "alice", "what": "remove"})
    assert "only manager" in notices(client, page)
    assert Membership.objects.get(project=project, user=alice).role == "manager"


def test_the_next_task_opens_in_the_workbench(clip: Clip, bob: User, browse: Browse) -> None:
    said = browse(bob).post("/projects/table-top/tasks/next/")
    task = Task.objects.get(clip=clip)
    assert said["Location"] == f"/tasks/{task.pk}/"
    assert (task.assignee, task.state) == (bob, "in_progress")


def test_an_empty_queue_is_said(project: Project, bob: User, browse: Browse) -> None:
    client = browse(bob)
    assert client.post("/projects/table-top/tasks/next/")["Location"] == "/projects/table-top/tasks/"
    assert "empty for you" in notices(client, "/projects/table-top/tasks/")


def test_a_flag_is_dismissed_only_with_a_reason_and_the_next_one_opens(clip: Clip, dana: User, browse: Browse) -> None:
    worse, milder = flag(clip, 1, severity=3), flag(clip, 2, severity=1)
    client, page = browse(dana), f"/projects/table-top/flags/{worse.pk}/"
    refused = client.post(page, {"verdict": "dismissed", "reason": " "}).content.decode()
    assert "Say why" in refused.split('id="reason"')[1].split("</div>")[0]
    said = client.post(page, {"verdict": "dismissed", "reason": "A shadow."})
    worse.refresh_from_db()
    assert (worse.state, worse.decision) == ("dismissed", "A shadow.")
    assert said["Location"].endswith(f"/flags/{milder.pk}/")


def test_the_flag_page_leads_to_the_exact_frame_in_the_workbench(clip: Clip, dana: User, browse: Browse) -> None:
    doubt = flag(clip)
    task = Task.objects.get(clip=clip)
    page = browse(dana).get(f"/projects/table-top/flags/{doubt.pk}/").content.decode()
    assert f"/tasks/{task.pk}/?frame={doubt.start}&amp;flag={doubt.pk}" in page
    assert f"/api/clips/{clip.pk}/frames/{doubt.start}.jpg" in page
    assert f"/api/flags/{doubt.pk}/evidence/{doubt.start}.png" in page


def test_the_worst_flags_come_first_and_decided_ones_are_put_away(clip: Clip, dana: User, browse: Browse) -> None:
    for number, severity in enumerate([1, 3, 2]):
        flag(clip, number, severity=severity)
    Flag.objects.filter(severity=2).update(state="fixed")
    page = browse(dana).get("/projects/table-top/flags/").content.decode()
    assert page.index("Mask 1 moved") < page.index("Mask 0 moved")
    assert "Mask 2 moved" not in page
    assert "Mask 2 moved" in browse(dana).get("/projects/table-top/flags/?state=all").content.decode()


def test_a_reviewer_sends_work_back_and_the_annotator_finds_it_first(
    clip: Clip, bob: User, dana: User, browse: Browse
) -> None:
    task = Task.objects.get(clip=clip)
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED, assignee=bob)
    client, page = browse(dana), f"/projects/table-top/reviews/{task.pk}/"
    refused = client.post(page, {"verdict": "send_back", "comment": ""}).content.decode()
    assert "without a comment" in refused.split('id="comment"')[1].split("</div>")[0]
    client.post(page, {"verdict": "send_back", "comment": "The left finger is missing."})
    home = browse(bob).get("/").content.decode()
    assert "Sent back to you" in home
    assert "The left finger is missing." in home


def test_a_delivery_is_asked_for_with_its_filters(clip: Clip, alice: User, browse: Browse) -> None:
    asked = {
        "format": "coco",
        "review_status": "any",
        "labels": ["gripper", "container"],
        "clips": f"{clip.pk}, ",
        "option-coco-images": "none",
        "option-clip_folder-images": "never looked at",
    }
    said = browse(alice).post("/projects/table-top/deliveries/", asked)
    made = Delivery.objects.get()
    assert said["Location"] == f"/deliveries/{made.pk}/"
    assert made.options["images"] == "none"
    assert made.filters == {"review_status": "any", "labels": ["container", "gripper"], "clips": [clip.pk]}


def test_a_failed_delivery_says_why_and_can_be_tried_again(project: Project, alice: User, browse: Browse) -> None:
    failed = Delivery.objects.create(
        project=project, format="coco", by=alice, state="failed", failure="disk", reason="The disk is full."
    )
    client = browse(alice)
    page = client.get(f"/deliveries/{failed.pk}/").content.decode()
    assert "The disk is full." in page
    assert "archive.tar" not in page
    client.post(f"/deliveries/{failed.pk}/again/")
    failed.refresh_from_db()
    assert failed.state == "queued"


def test_enriching_is_for_leads_and_leads_to_the_run(clip: Clip, dana: User, bob: User, browse: Browse) -> None:
    Run.objects.all().delete()
    assert browse(bob).post("/projects/table-top/enrich/").status_code == 403
    said = browse(dana).post("/projects/table-top/enrich/", {"clip": clip.pk})
    run = Run.objects.get()
    assert said["Location"] == f"/runs/{run.pk}/"
    assert run.clips == [clip.pk]


def test_a_clip_of_another_project_is_not_enriched_from_here(clip: Clip, alice: User, browse: Browse) -> None:
    client = browse(alice)
    client.post("/projects/", {"name": "Elsewhere"})
    Run.objects.all().delete()
    said = client.post("/projects/elsewhere/enrich/", {"clip": clip.pk})
    assert said.status_code == 404
    assert not Run.objects.exists()


def test_a_lead_asks_for_a_second_opinion_in_their_own_project_only(
    clip: Clip, dana: User, bob: User, browse: Browse
) -> None:
    task = Task.objects.get(clip=clip)
    assert browse(bob).post(f"/projects/table-top/tasks/{task.pk}/second/").status_code in {403, 404}
    browse(bob).post("/projects/", {"name": "Elsewhere"})
    assert browse(bob).post(f"/projects/elsewhere/tasks/{task.pk}/second/").status_code == 404
    assert not task.seconds.exists()
    said = browse(dana).post(f"/projects/table-top/tasks/{task.pk}/second/")
    assert said["Location"] == f"/projects/table-top/reviews/{task.pk}/"
    assert task.seconds.count() == 1


def test_a_refused_upload_says_why_to_the_managers(project: Project, alice: User, bob: User, browse: Browse) -> None:
    Upload.objects.create(project=project, by=bob, name="torn.mp4", size=9, state="refused", reason="It ends early.")
    assert "It ends early." in browse(alice).get("/projects/table-top/uploads/").content.decode()


def test_only_managers_are_offered_to_upload(clip: Clip, alice: User, dana: User, bob: User, browse: Browse) -> None:
    for page in ("/projects/table-top/", "/projects/table-top/clips/", "/palette/?q=upload&project=table-top"):
        offered = [
            "/projects/table-top/uploads/" in browse(person).get(page).content.decode() for person in (alice, dana, bob)
        ]
        assert offered == [True, False, False], page


def test_a_token_is_shown_once_and_works_until_it_is_removed(bob: User, project: Project, browse: Browse) -> None:
    client = browse(bob)
    page = client.post("/account/token/").content.decode()
    key = page.split('data-copy="')[1].split('"')[0]
    script = Client(headers={"Authorization": f"Token {key}"})
    assert script.get("/api/projects/table-top/").status_code == 200
    assert key not in client.get("/account/").content.decode()
    client.post("/account/token/", {"what": "remove"})
    assert script.get("/api/projects/table-top/").status_code == 401


def test_the_palette_finds_clips_tasks_and_commands_that_one_may_open(
    clip: Clip, alice: User, bob: User, mallory: User, browse: Browse
) -> None:
    def found(user: User, words: str) -> str:
        return browse(user).get("/palette/", {"q": words, "project": "table-top"}).content.decode()

    assert f"/clips/{clip.pk}/" in found(alice, clip.name[:4])
    assert "/projects/table-top/deliveries/" in found(alice, "deliv")
    assert "/projects/table-top/deliveries/" not in found(bob, "deliv")
    for words, page in (("health", "runs/health/"), ("query", "clips/query/"), ("checks", "flags/checks/")):
        assert f"/projects/table-top/{page}" in found(alice, words)
        assert f"/projects/table-top/{page}" not in found(bob, words)
    assert f"/tasks/{Task.objects.get(clip=clip).pk}/" in found(alice, f"task {Task.objects.get(clip=clip).pk}")
    assert "/clips/" not in found(mallory, clip.name[:4])
    assert "/projects/table-top/" not in found(mallory, "clips")


def test_masks_over_a_frame_are_a_picture_of_its_size_and_only_for_those_who_may_look(
    clip: Clip, bob: User, carol: User, browse: Browse
) -> None:
    import cv2
    import numpy as np

    from tests.annotation.drawing import disc, draw

    client = browse(bob)
    client.post("/projects/table-top/tasks/next/")
    task = Task.objects.select_related("project", "clip").get(clip=clip)
    drawn = disc(clip)
    draw(task, bob, drawn)
    said = client.get(f"/projects/table-top/reviews/{task.pk}/masks/0.png")
    picture = cv2.imdecode(np.frombuffer(said.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (clip.height, clip.width, 4)
    assert 0 < (picture[..., 3] > 0).sum() < clip.height * clip.width
    again = client.get(f"/projects/table-top/reviews/{task.pk}/masks/0.png", headers={"If-None-Match": said["ETag"]})
    assert again.status_code == 304
    assert browse(carol).get(f"/projects/table-top/reviews/{task.pk}/masks/0.png").status_code == 404
