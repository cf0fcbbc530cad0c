"""The prompt loop on the server: looked at once, remembered within bounds, answered in small words."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from annotation import clips, projects, tasks
from annotation.geometry import rle
from annotation.models import Project, Task
from enrichment import prompts
from enrichment.errors import UnknownPrompter
from enrichment.prompting import registry
from enrichment.prompting.kept import Ahead, Kept
from enrichment.prompting.prompter import Candidate, Prompt
from tests.factories import ClipFactory, ProjectFactory, UserFactory


@dataclass(frozen=True)
class Seen:
    picture: np.ndarray
    nbytes: int = 100


class Scripted:
    """Answers with a square round the last click and one twice as large, and remembers what it was asked."""

    version = "3"
    embedded: list[int]
    asked: list[Prompt]

    def __init__(self) -> None:
        self.embedded, self.asked = [], []

    def embed(self, picture: np.ndarray) -> Seen:
        self.embedded.append(int(picture[0, 0].astype(int).sum()))
        return Seen(picture)

    def answer(self, embedding: Seen, prompt: Prompt) -> list[Candidate]:
        self.asked.append(prompt)
        found = []
        for half in (5, 10):
            mask = np.zeros(embedding.picture.shape[:2], bool)
            x, y, _ = prompt.points[-1]
            mask[int(y) - half : int(y) + half, int(x) - half : int(x) + half] = True
            found.append(Candidate(mask, 0.5, state=f"half {half}"))
        return found


@pytest.fixture
def bob(db: None) -> User:
    return UserFactory(username="bob")


@pytest.fixture
def project(bob: User) -> Project:
    return ProjectFactory(by=UserFactory(username="alice"), annotators=[bob])


@pytest.fixture
def task(project: Project, bob: User) -> Task:
    ClipFactory(project=project, frames=24)
    claimed = tasks.claim_next(project=project, user=bob)
    assert claimed is not None
    return claimed


@pytest.fixture
def bobs(bob: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(bob)
    return api


@pytest.fixture
def scripted(project: Project, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    engine = Scripted()
    # Another test's clip may have had the same number and the same bytes.
    monkeypatch.setattr(prompts, "_EMBEDDINGS", Kept(10_000))
    monkeypatch.setattr(registry, "_made", lambda chosen, weights: engine)
    projects.change(project=project, by=project.memberships.get(role="manager").user, prompt_engine="scripted")
    return engine


def ask(api: APIClient, task: Task, **said: Any) -> Any:
    return api.post(f"/api/tasks/{task.pk}/prompt/", {"frame": 3, **said}, format="json")


class TestAnswers:
    def test_only_the_masks_box_comes_back_and_the_engine_is_named(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        answer = ask(bobs, task, points=[[40, 30, 1]])
        said = answer.json()
        assert said["engine"] == "scripted 3"
        assert [each["box"] for each in said["candidates"]] == [[35, 25, 10, 10], [30, 20, 20, 20]]
        clip = task.clip
        mask = rle.paste(said["candidates"][0], height=clip.height, width=clip.width)
        assert mask.sum() == 100
        assert mask[25:35, 35:45].all()
        assert len(answer.content) < 300

    def test_a_correction_names_the_mask_and_the_engine_gets_it_with_its_own_state(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        first = ask(bobs, task, points=[[40, 30, 1]]).json()
        body = {"points": [[40, 30, 1], [60, 30, 1]], "previous": {"answer": first["id"], "candidate": 1}}
        assert len(json.dumps(body)) < 150
        assert ask(bobs, task, **body).status_code == 200
        previous = scripted.asked[-1].previous
        assert previous is not None
        assert previous.state == "half 10"
        assert previous.mask.sum() == 400

    def test_a_mask_that_came_from_elsewhere_travels_in_its_box(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        square = rle.encode(np.ones((4, 6), bool))["counts"]
        assert (
            ask(bobs, task, points=[[40, 30, 1]], previous={"box": [2, 3, 6, 4], "counts": square}).status_code == 200
        )
        previous = scripted.asked[-1].previous
        assert previous is not None
        assert previous.state is None
        assert previous.mask[3:7, 2:8].all()
        assert previous.mask.sum() == 24

    def test_an_answer_is_good_for_its_own_frame_only(self, bobs: APIClient, task: Task, scripted: Scripted) -> None:
        first = ask(bobs, task, points=[[40, 30, 1]]).json()
        named = {"answer": first["id"], "candidate": 0}
        for other in ({"frame": 4, "previous": named}, {"previous": {**named, "candidate": 2}}):
            refused = ask(bobs, task, points=[[40, 30, 1]], **other)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "answer_forgotten")


class TestEmbeddings:
    def test_a_frame_is_looked_at_once_however_often_it_is_prompted(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        for x in (30, 40, 50):
            ask(bobs, task, points=[[x, 30, 1]])
        assert len(scripted.embedded) == 1

    def test_neighbours_in_the_direction_of_travel_are_looked_at_meanwhile(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        ask(bobs, task, frame=10, points=[[40, 30, 1]], travel=-1)
        keys = [prompts._key(task.clip, n, "scripted 3") for n in (10, 9, 8)]
        wait_until(lambda: all(key in prompts._EMBEDDINGS for key in keys))
        assert prompts._key(task.clip, 11, "scripted 3") not in prompts._EMBEDDINGS
        assert len(scripted.embedded) == 3

    def test_a_frame_can_be_made_ready_before_the_first_prompt(
        self, bobs: APIClient, task: Task, scripted: Scripted
    ) -> None:
        made = bobs.post(f"/api/tasks/{task.pk}/prompt/frame/", {"frame": 5}, format="json")
        assert made.status_code == 202
        wait_until(lambda: prompts._key(task.clip, 5, "scripted 3") in prompts._EMBEDDINGS)
        ask(bobs, task, frame=5, points=[[40, 30, 1]])
        assert len(scripted.embedded) == 1

    def test_the_picture_that_is_looked_at_is_the_clips(self, bobs: APIClient, task: Task, scripted: Scripted) -> None:
        ask(bobs, task, points=[[40, 30, 1]])
        with clips.reader(task.clip) as reader:
            assert scripted.embedded == [int(reader.read(3)[0, 0].astype(int).sum())]


class TestKept:
    def test_the_longest_unused_goes_when_the_bytes_are_full(self) -> None:
        kept: Kept[Seen] = Kept(250)
        picture = np.zeros((1, 1, 3), np.uint8)
        for name in "ab":
            kept.put(name, Seen(picture))
        assert kept.find("a") is not None
        kept.put("c", Seen(picture))
        assert [name in kept for name in "abc"] == [True, False, True]
        kept.put("huge", replace(Seen(picture), nbytes=900))
        assert [name in kept for name in ("a", "c", "huge")] == [False, False, True]
        assert kept.nbytes == 900

    def test_two_who_ask_for_one_frame_at_once_have_it_made_once(self) -> None:
        kept: Kept[Seen] = Kept(1000)
        made = []

        def make() -> Seen:
            made.append(1)
            time.sleep(0.1)
            return Seen(np.zeros((1, 1, 3), np.uint8))

        threads = [threading.Thread(target=kept.get, args=("one", make)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert len(made) == 1

    def test_what_goes_wrong_is_tried_again_by_the_next(self) -> None:
        kept: Kept[Seen] = Kept(1000)
        with pytest.raises(ZeroDivisionError):
            kept.get("one", lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        assert kept.get("one", lambda: Seen(np.zeros((1, 1, 3), np.uint8))).nbytes == 100

    def test_newer_wishes_take_the_place_of_those_not_begun(self) -> None:
        ahead, going, done = Ahead("test"), threading.Event(), []
        ahead.want([lambda: going.wait(5), lambda: done.append("old")])
        ahead.want([lambda: done.append("new")])
        going.set()
        wait_until(lambda: bool(done))
        assert done == ["new"]

    def test_a_wish_that_fails_does_not_end_all_others(self) -> None:
        ahead, done = Ahead("test"), []
        ahead.want([lambda: 1 / 0, lambda: done.append("next")])
        wait_until(lambda: bool(done))
        ahead.want([lambda: done.append("later")])
        wait_until(lambda: len(done) == 2)
        assert done == ["next", "later"]


class TestChoice:
    def test_the_engine_without_weights_is_always_there(self, tmp_path: Any) -> None:
        assert registry.choices(tmp_path)[0][0] == "grabcut"

    def test_weights_that_are_not_there_are_named(self, tmp_path: Any) -> None:
        with pytest.raises(UnknownPrompter, match="no weights 'large'"):
            registry.prompter("sam2:large", tmp_path)

    def test_an_engine_that_nobody_knows_is_refused_with_those_that_there_are(self, tmp_path: Any) -> None:
        with pytest.raises(UnknownPrompter, match="there are grabcut"):
            registry.prompter("sam9", tmp_path)

    def test_weights_in_pickle_formats_are_not_offered(self, tmp_path: Any) -> None:
        for name, file in (("old", "pytorch_model.bin"), ("new", "model.safetensors")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "config.json").write_text('{"model_type": "sam2_video"}')
            (tmp_path / name / file).write_bytes(b"")
        assert [value for value, _ in registry.choices(tmp_path)] == ["grabcut", "sam2:new"]


def wait_until(holds: Any) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
