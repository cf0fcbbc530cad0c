from __future__ import annotations

import io
import json
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from numpy.typing import NDArray
from PIL import Image
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from annotation import clips, tasks
from annotation.models import Clip, Project, Task
from enrichment import compute, progress, queue, runs
from enrichment.layer import Layer
from enrichment.models import LayerRun, LayerSetting, Run
from tests.enrichment.layers import Numbers
from tests.factories import ClipFactory, clip_rows

pytestmark = pytest.mark.django_db


def computed(project: Project, by: User, *layers: str) -> Run:
    run = runs.request(project=project, by=by, layers=layers or None, tell=False)
    runs.plan(run)
    compute.work_here(run)
    return run


class TestWhoMay:
    @pytest.mark.parametrize(
        ("name", "status"), [("alice", 201), ("dana", 201), ("bob", 403), ("mallory", 404), (None, 403)]
    )
    def test_qa_leads_and_managers_ask_for_runs(
        self,
        name: str | None,
        status: int,
        project: Project,
        clip: Clip,
        mallory: User,
        api: APIClient,
        small_layers: dict[str, Layer],
    ) -> None:
        if name:
            api.force_authenticate(User.objects.get(username=name))
        answer = api.post(f"/api/projects/{project.slug}/runs/", {"layers": ["numbers"]}, format="json")
        assert answer.status_code == status or (name is None and answer.status_code == 401)
        assert Run.objects.filter(layers=["numbers"]).exists() is (status == 201)

    @pytest.mark.parametrize(("name", "status"), [("alice", 200), ("dana", 200), ("bob", 200), ("mallory", 404)])
    def test_whoever_is_in_the_project_sees_how_far_things_are(
        self, name: str, status: int, project: Project, clip: Clip, alice: User, mallory: User, api: APIClient
    ) -> None:
        run = runs.request(project=project, by=alice, layers=["depth"], tell=False)
        runs.plan(run)
        api.force_authenticate(User.objects.get(username=name))
        for path in (f"projects/{project.slug}/runs/", f"runs/{run.pk}/", f"clips/{clip.pk}/layers/"):
            assert api.get(f"/api/{path}").status_code == status, path
        assert api.get(f"/api/clips/{clip.pk}/layers/flow/0.png").status_code == (422 if status == 200 else 404)
        flow = api.get(f"/api/clips/{clip.pk}/flow/0.png")
        assert flow.status_code == (422 if status == 200 else 404)

    def test_a_prompt_is_for_the_person_who_holds_the_task(
        self, project: Project, clip: Clip, bob: User, carol: User, alice: User, api: APIClient
    ) -> None:
        task = tasks.claim_next(project=project, user=bob)
        assert task is not None
        said = {"frame": 3, "box": [10, 10, 30, 30]}
        for person, status in ((bob, 200), (carol, 404), (alice, 403)):
            api.force_authenticate(person)
            assert api.post(f"/api/tasks/{task.pk}/prompt/", said, format="json").status_code == status
            ahead = api.post(f"/api/tasks/{task.pk}/prompt/frame/", {"frame": 3, "travel": 1}, format="json")
            assert ahead.status_code == (202 if status == 200 else status)


class TestAnswers:
    def test_a_run_says_how_far_each_layer_of_each_clip_is(
        self, project: Project, clip: Clip, alice: User, api: APIClient, small_layers: dict[str, Layer]
    ) -> None:
        api.force_authenticate(alice)
        made = api.post(f"/api/projects/{project.slug}/runs/", {}, format="json").json()
        assert made["state"] == "planning"
        run = Run.objects.get(pk=made["id"])
        runs.plan(run)
        going = api.get(f"/api/runs/{run.pk}/").json()
        assert going["state"] == "running"
        compute.work_here(run)
        done = api.get(f"/api/runs/{run.pk}/").json()
        assert (done["state"], done["done"], done["total"]) == ("done", 10, 10)
        assert done["clips"] == [
            {
                "id": clip.pk,
                "name": clip.name,
                "layers": [
                    {"layer": "numbers", "state": "done", "done": 4, "total": 4, "error": ""},
                    {"layer": "sums", "state": "done", "done": 4, "total": 4, "error": ""},
                    {"layer": "last", "state": "done", "done": 2, "total": 2, "error": ""},
                ],
            }
        ]

    def test_a_failure_is_shown_with_its_reason(
        self,
        project: Project,
        clip: Clip,
        alice: User,
        api: APIClient,
        small_layers: dict[str, Layer],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(Numbers, "breaks_at", 0)
        monkeypatch.setattr("enrichment.ledger.RETRY_AFTER", (0.0,))
        run = computed(project, alice)
        api.force_authenticate(alice)
        answer = api.get(f"/api/runs/{run.pk}/").json()
        assert answer["state"] == "failed"
        assert answer["clips"][0]["layers"][0]["error"] == "RuntimeError: the sensor was unplugged."

    @pytest.mark.parametrize(
        ("said", "status", "message"),
        [
            ({"layers": ["colours"]}, 422, "There is no layer 'colours'"),
            ({"clips": [999]}, 422, "has no clip 999"),
            ({"clips": []}, 422, "no clips to enrich"),
            ({"layer": "flow"}, 400, "Unknown field layer"),
            ({"clips": "all"}, 400, "list"),
        ],
    )
    def test_a_wrong_request_is_answered_with_a_sentence(
        self, said: Any, status: int, message: str, project: Project, clip: Clip, alice: User, api: APIClient
    ) -> None:
        api.force_authenticate(alice)
        answer = api.post(f"/api/projects/{project.slug}/runs/", said, format="json")
        assert answer.status_code == status
        assert message in str(answer.json()["error"])

    def test_layers_are_listed_with_those_that_have_no_engine(self, alice: User, api: APIClient) -> None:
        api.force_authenticate(alice)
        known = {layer["name"]: layer for layer in api.get("/api/layers/").json()}
        assert known["flow"]["parameters"] == {"preset": "medium", "scale": None, "gaps": [1]}
        assert known["depth"]["no_engine"].startswith("No engine:")
        assert known["embeddings"]["inputs"] == ["keyframes"]

    def test_flow_is_shown_as_a_picture(self, project: Project, clip: Clip, alice: User, api: APIClient) -> None:
        computed(project, alice, "flow")
        api.force_authenticate(alice)
        answer = api.get(f"/api/clips/{clip.pk}/flow/3.png?max=10", headers={"accept": "image/png"})
        assert answer["Content-Type"] == "image/png"
        picture = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert picture.shape == (64, 96, 3)
        assert api.get(f"/api/clips/{clip.pk}/flow/{clip.frame_count - 1}.png").status_code == 404
        assert api.get(f"/api/clips/{clip.pk}/flow/3.png?max=wide").status_code == 400
        assert api.get(f"/api/clips/{clip.pk}/flow/3.png?gap=0").status_code == 400
        assert api.get(f"/api/clips/{clip.pk}/flow/3.png?gap=2").status_code == 422

    def test_flow_can_be_laid_over_the_picture(self, project: Project, clip: Clip, alice: User, api: APIClient) -> None:
        computed(project, alice, "flow")
        api.force_authenticate(alice)
        path = f"/api/clips/{clip.pk}/layers/flow"
        assert picture_of(api.get(f"{path}/3.png")).shape == (64, 96, 4)
        last = picture_of(api.get(f"{path}/{clip.frame_count - 1}.png"))
        assert last[..., 3].max() == 0, "the last frame has no flow to a next one"
        assert api.get(f"{path}/{clip.frame_count}.png").status_code == 404
        assert api.get(f"/api/clips/{clip.pk}/layers/nothing/0.png").status_code == 404

    def test_a_layer_without_an_engine_says_so(self, project: Project, clip: Clip, alice: User, api: APIClient) -> None:
        api.force_authenticate(alice)
        for name in ("depth", "pose", "detections"):
            answer = api.get(f"/api/clips/{clip.pk}/layers/{name}/0.png")
            assert answer.status_code == 422
            assert "No engine" in answer.json()["error"]["message"]
        assert "laid over" in api.get(f"/api/clips/{clip.pk}/layers/actions/0.png").json()["error"]["message"]

    def test_layers_that_came_from_elsewhere_are_drawn(
        self, project: Project, clip: Clip, alice: User, api: APIClient
    ) -> None:
        folder = clips.folder(clip)
        millimetres = np.full((64, 96), 800, np.uint16)
        millimetres[:, 48:] = 2000
        millimetres[0, 0] = 0
        folder.write("depth/frame_002.png", cv2.imencode(".png", millimetres)[1].tobytes())
        joints = [10, 10, 0.9, 60, 40, 0.8, 90, 60, 0.0]
        people = {"annotations": [{"image_id": 2, "keypoints": joints}], "categories": [{"skeleton": [[1, 2], [2, 3]]}]}
        folder.write("pose/keypoints.json", json.dumps(people).encode())
        found = {"frames": {"2": [{"label": "cup", "confidence": 0.75, "bbox": [20, 30, 30, 20]}]}}
        folder.write("detections/detections.json", json.dumps(found).encode())
        run = runs.request(project=project, by=alice, layers=["depth", "pose", "detections"], tell=False)
        runs.plan(run)
        LayerRun.objects.filter(runs=run).update(state=LayerRun.State.DONE)
        api.force_authenticate(alice)
        shown = {
            name: picture_of(api.get(f"/api/clips/{clip.pk}/layers/{name}/2.png"))
            for name in ("depth", "pose", "detections")
        }
        depth = shown["depth"].astype(int)
        assert depth[0, 0, 3] == 0
        assert depth[30, 10, 0] > depth[30, 10, 2], "near is warm"
        assert depth[30, 80, 2] > depth[30, 80, 0], "far is cold"
        assert shown["pose"][25, 35, 3] == 255, "the bone between the first two joints"
        assert shown["pose"][50, 75, 3] == 0, "no bone to a joint that was not seen"
        assert shown["detections"][49, 35, 3] == 255, "the lower edge of the box"
        assert shown["detections"][42, 35, 3] == 0
        nothing = picture_of(api.get(f"/api/clips/{clip.pk}/layers/detections/3.png"))
        assert nothing[..., 3].max() == 0
        folder.write("pose/keypoints.json", b'{"annotations": 3}')
        answer = api.get(f"/api/clips/{clip.pk}/layers/pose/2.png")
        assert answer.status_code == 422
        assert "COCO keypoints" in answer.json()["error"]["message"]


def picture_of(answer: Any) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.content
    return np.asarray(Image.open(io.BytesIO(answer.content)))


class TestPrompts:
    @pytest.fixture
    def task(self, project: Project, clip: Clip, bob: User, api: APIClient) -> Task:
        api.force_authenticate(bob)
        task = tasks.claim_next(project=project, user=bob)
        assert task is not None
        return task

    def test_a_box_and_then_a_click_give_masks_of_the_clips_size(self, task: Task, api: APIClient) -> None:
        first = api.post(f"/api/tasks/{task.pk}/prompt/", {"frame": 3, "box": [8, 8, 40, 40]}, format="json").json()
        assert first["engine"].startswith("grabcut")
        x, y, width, height = first["candidates"][0]["box"]
        assert min(x, y) >= 8
        assert max(x + width, y + height) <= 48
        more = {"frame": 3, "points": [[60, 30, 1]], "previous": {"answer": first["id"], "candidate": 0}}
        second = api.post(f"/api/tasks/{task.pk}/prompt/", more, format="json")
        assert second.status_code == 200
        assert 0 <= second.json()["candidates"][0]["confidence"] <= 1

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ({"frame": 3}, 422),
            ({"frame": 24, "box": [1, 1, 9, 9]}, 422),
            ({"frame": 3, "box": [500, 1, 9, 9]}, 422),
            ({"frame": 3, "box": ["nan", 1, 9, 9]}, 400),
            ({"frame": 3, "box": [1, 1, 9]}, 400),
            ({"frame": 3, "points": [[500, 1, 1]]}, 422),
            ({"frame": 3, "box": [1, 1, 9, 9], "examples": [[20, 20, 9, 9, 1]]}, 422),
            ({"frame": 3, "box": [1, 1, 9, 9], "examples": [[20, 20, 9, 9]]}, 400),
            ({"frame": 3, "points": [["nan", 1, 1]]}, 400),
            ({"frame": 3, "points": [[5, 5, 0]]}, 422),
            ({"frame": 3, "points": [[5, 5, 1]], "previous": {"box": [1, 1, 9, 9], "counts": "garbage!"}}, 422),
            ({"frame": 3, "points": [[5, 5, 1]], "previous": {"box": [1, 1, 9, 9]}}, 400),
            ({"frame": 3, "points": [[5, 5, 1]], "previous": {"answer": "a" * 32, "candidate": 0}}, 409),
            ({"frame": -1, "box": [1, 1, 9, 9]}, 400),
        ],
    )
    def test_what_points_at_nothing_is_refused(self, said: Any, status: int, task: Task, api: APIClient) -> None:
        answer = api.post(f"/api/tasks/{task.pk}/prompt/", said, format="json")
        assert answer.status_code == status, answer.content
        assert answer.json()["error"]["message"]


class TestQueries:
    def test_a_runs_page_costs_the_same_for_one_clip_and_for_many(
        self,
        project: Project,
        clip: Clip,
        alice: User,
        api: APIClient,
        small_layers: dict[str, Layer],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        api.force_authenticate(alice)
        few = runs.request(project=project, by=alice, clips=[clip], tell=False)
        runs.plan(few)
        clip_rows(project, 60)
        many = runs.request(project=project, by=alice, tell=False)
        runs.plan(many)
        for run in (few, many):
            with django_assert_num_queries(5):
                assert len(api.get(f"/api/runs/{run.pk}/").json()["clips"]) == len(run.clips)

    def test_the_list_of_runs_costs_the_same_for_one_and_for_many(
        self,
        project: Project,
        clip: Clip,
        alice: User,
        api: APIClient,
        small_layers: dict[str, Layer],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        api.force_authenticate(alice)
        for count in (1, 12):
            while Run.objects.filter(project=project).count() < count:
                runs.plan(runs.request(project=project, by=alice, tell=False))
            with django_assert_num_queries(4):
                assert len(api.get(f"/api/projects/{project.slug}/runs/").json()["results"]) == count

    def test_progress_of_many_runs_is_one_query(
        self,
        project: Project,
        clip: Clip,
        alice: User,
        small_layers: dict[str, Layer],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        asked = [runs.request(project=project, by=alice, tell=False) for _ in range(5)]
        for run in asked:
            runs.plan(run)
        with django_assert_num_queries(1):
            assert {far.state for far in progress.of_runs(asked).values()} == {"running"}


class TestCommand:
    def test_it_computes_here_and_says_what_came_of_it(
        self, project: Project, clip: Clip, small_layers: dict[str, Layer]
    ) -> None:
        said = io.StringIO()
        call_command("enrich", project.slug, "--here", "--set", "numbers.add=4", stdout=said)
        assert "numbers                  1 done" in said.getvalue()
        assert LayerRun.objects.get(clip=clip, layer="numbers").parameters == {"add": 4}

    def test_it_ends_badly_when_something_failed(
        self, project: Project, clip: Clip, small_layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "breaks_at", 0)
        monkeypatch.setattr("enrichment.ledger.RETRY_AFTER", (0.0,))
        with pytest.raises(CommandError, match="the sensor was unplugged"):
            call_command("enrich", project.slug, "--here", stdout=io.StringIO())

    def test_it_says_when_nobody_works(
        self, project: Project, clip: Clip, small_layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enrichment.management.commands.enrich.QUIET_FOR", 0.1)
        monkeypatch.setattr("enrichment.management.commands.enrich.LOOK_EVERY", 0.06)
        heard = io.StringIO()
        # After a while somebody does work after all.
        looks: list[int] = []

        def look(*_: object) -> int:
            looks.append(1)
            if len(looks) == 6:
                compute.work_here(Run.objects.latest("pk"))
            return 0

        monkeypatch.setattr("enrichment.queue.tell_again", look)
        call_command("enrich", project.slug, "--wait", stdout=io.StringIO(), stderr=heard)
        assert heard.getvalue().count("no worker seems to be running") == 1
        assert ",".join(queue.EVERY) in heard.getvalue(), "a worker of fewer queues leaves uploads or masks lying"

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (["nowhere"], "no project 'nowhere'; there are: table-top"),
            (["table-top", "--clip", "lost"], "no clip 'lost' in table-top"),
            (["table-top", "--layers", "flow,depht"], "no layer 'depht'"),
            (["table-top", "--set", "flow"], "write it like --set flow.scale=1"),
            (["table-top", "--set", "flow.preset=best"], "no DIS preset 'best'"),
        ],
    )
    def test_a_wrong_argument_is_answered_with_a_sentence(
        self, given: list[str], said: str, project: Project, clip: Clip
    ) -> None:
        with pytest.raises(CommandError, match=said):
            call_command("enrich", *given)

    @pytest.mark.parametrize(
        "wrong", [["--layers", "numbres"], ["--set", "numbers.luck=1"], ["--clip", "lost"], ["--set", "numbers"]]
    )
    def test_what_is_refused_has_set_nothing(
        self, wrong: list[str], project: Project, clip: Clip, small_layers: dict[str, Layer]
    ) -> None:
        with pytest.raises(CommandError):
            call_command("enrich", project.slug, "--set", "numbers.add=4", *wrong)
        assert not LayerSetting.objects.exists()
        assert not Run.objects.exists()


def test_a_clip_that_comes_in_is_enriched_without_being_asked(
    project: Project, alice: User, small_layers: dict[str, Layer], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        clip = ClipFactory(project=project, by=alice)
    run = Run.objects.get(project=project)
    assert (run.clips, run.by, run.retry) == ([clip.pk], None, False)
