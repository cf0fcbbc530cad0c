"""Three sentences for each proposed segment: by templates, and by services that speak as theirs are documented to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from annotation.models import Clip, Phase, Project, Proposal
from annotation.scene import SceneSpec, write_video
from enrichment import compute, runs
from enrichment.engines import describing, vlm, vlm_prompts
from enrichment.engines.describing import Stretch
from enrichment.engines.parameters import (
    GeminiParameters,
    GeminiSegmentParameters,
    OpenAISegmentParameters,
    SegmentVlmParameters,
)
from enrichment.engines.sentence_templates import Parameters, SentenceTemplates
from enrichment.errors import RunRefused, ServiceFailed
from enrichment.layers.descriptions import spread
from enrichment.models import ApiCall, LayerRun
from tests.enrichment.engines.recorded_service import RecordedService, serving
from tests.enrichment.engines.runs_of import computed
from tests.enrichment.engines.test_remote_captions import KINDS, Notes, shape_of
from tests.factories import ClipFactory

GOOD = (
    "Push the red block to the right.",
    "Slide the block across the table.",
    "Move the red cube over until it touches the bowl.",
)
STRETCH = Stretch(
    pictures=[np.full((60, 200, 3), shade, np.uint8) for shade in (40, 90, 200)],
    offsets=[0.0, 0.5, 1.0],
    duration=1.1,
    action="push",
    phase="pre-grasp",
    target="red block",
)
SETTINGS: dict[str, SegmentVlmParameters] = {
    "gemini": GeminiSegmentParameters(longest_side=100),
    "openai": OpenAISegmentParameters(longest_side=100),
}


def described(kind: str, service: RecordedService, notes: Notes | None = None) -> describing.Description:
    link = vlm.Link(service.address, "sk-secret")
    made = KINDS[kind][0](link, notes or Notes())
    [said] = made.describe_segments([STRETCH], SETTINGS[kind])
    return said


class TestWhatIsGoodEnough:
    def test_three_sentences_in_other_words_are(self) -> None:
        assert describing.fault(GOOD) == ""

    @pytest.mark.parametrize(
        ("sentences", "said"),
        [
            (GOOD[:2], "There are 2 sentences, not 3."),
            ((*GOOD, "Shove it."), "There are 4 sentences, not 3."),
            ((*GOOD[:2], "push the red block to the RIGHT"), "Sentences 1 and 3 are the same."),
            ((*GOOD[:2], "Push the red blocks to the right."), r"Sentences 1 and 3 are nearly the same \(9\d of 100\)"),
            ((*GOOD[:2], "Slide"), "Sentence 3 has 5 letters in 1 words"),
            ((*GOOD[:2], "Push " + "on " * 70), "must have 6 to 200 letters"),
            ((*GOOD[:2], "The gripper pushes the cube."), "Sentence 3 begins with 'the'; it must say what to do"),
        ],
    )
    def test_others_are_refused_with_a_sentence(self, sentences: tuple[str, ...], said: str) -> None:
        with pytest.raises(vlm.Unfit, match=said):
            vlm.three_sentences(json.dumps({"sentences": sentences}))

    @pytest.mark.parametrize("text", ["Sure!", "[]", '{"sentences": "Push it."}', '{"sentences": [1, 2, 3]}'])
    def test_what_is_no_list_of_sentences_may_pass(self, text: str) -> None:
        with pytest.raises(vlm.Passing, match="not the JSON that was asked for") as caught:
            vlm.three_sentences(text)
        assert not isinstance(caught.value, vlm.Unfit)

    @pytest.mark.parametrize("name", vlm_prompts.names("segment"))
    def test_the_examples_of_every_prompt_keep_these_rules(self, name: str) -> None:
        prompt = vlm_prompts.load(name)
        assert (prompt.kind, prompt.schema["required"]) == ("segment", ["sentences"])
        assert len(prompt.examples) >= 2
        for example in prompt.examples:
            assert example.shown.startswith("A segment in words: ")
            assert len(vlm.three_sentences(example.answer).sentences) == 3

    def test_a_prompt_of_frames_is_none_of_segments(self) -> None:
        with pytest.raises(ValueError, match="there is no prompt 'keyframe-1'; there are segment-1"):
            GeminiSegmentParameters(prompt="keyframe-1")
        with pytest.raises(ValueError, match="there are keyframe-1"):
            GeminiParameters(prompt="segment-1")
        with pytest.raises(ValueError, match="frames is 1, but it must be a whole number of 2 to 16"):
            GeminiSegmentParameters(frames=1)


class TestServices:
    def test_gemini_gets_all_frames_in_time_and_what_the_proposal_knows(self) -> None:
        with serving((200, "gemini_sentences")) as service:
            assert described("gemini", service).sentences == GOOD
        _, _, body = service.asked[0]
        *pictures, words = body["contents"][-1]["parts"]
        assert [shape_of(each["inlineData"]["data"]) for each in pictures] == [(30, 100, 3)] * 3
        assert "lasts 1.10 s; its frames were taken 0.00, 0.50, 1.00 s after" in words["text"]
        assert "action push, phase pre grasp, object red block" in words["text"]
        assert body["generationConfig"]["responseSchema"]["required"] == ["sentences"]
        assert "instructions for robots" in body["systemInstruction"]["parts"][0]["text"]

    def test_openai_gets_all_frames_in_time_and_what_the_proposal_knows(self) -> None:
        with serving((200, "openai_sentences")) as service:
            assert described("openai", service).sentences == GOOD
        _, _, body = service.asked[0]
        *pictures, words = body["messages"][-1]["content"]
        assert [each["type"] for each in pictures] == ["image_url"] * 3
        assert "exactly three" in words["text"]
        assert "object red block" in words["text"]
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["sentences"]

    def test_sentences_that_are_too_alike_are_asked_for_once_more_with_the_reason(self) -> None:
        notes = Notes()
        with serving((200, "gemini_alike"), (200, "gemini_sentences")) as service:
            assert described("gemini", service, notes).sentences == GOOD
        asked = [body["contents"][-1]["parts"][-1]["text"] for _, _, body in service.asked]
        assert "cannot be used" not in asked[0]
        assert "Your last answer cannot be used: Sentences 1 and 2 are nearly the same" in asked[1]
        assert "nearly the same" in notes.ended[0].error
        assert (notes.ended[0].tokens_out, notes.ended[1].error) == (182, "")

    def test_a_segment_whose_second_answer_is_no_better_has_the_reason_instead(self) -> None:
        with serving((200, "gemini_alike")) as service:
            said = described("gemini", service)
        assert said.sentences == ()
        assert said.refused.startswith("Sentences 1 and 2 are nearly the same")
        assert len(service.asked) == 2

    def test_a_refusal_is_told_and_a_wrong_key_ends_it(self) -> None:
        with serving((200, "gemini_blocked")) as service:
            assert "PROHIBITED_CONTENT" in described("gemini", service).refused
        with serving((401, "openai_bad_key")) as service, pytest.raises(ServiceFailed, match=r"\[key\]"):
            described("openai", service)


class TestTemplates:
    TEMPLATES = {
        "phases/lift": ["Lift the {object}", "Raise the {object} with the {hand}"],
        "actions/pick": ["Lift the  {object}!", "{Verb} up the {object}"],
    }

    def said(self, **about: Any) -> describing.Description:
        [one] = SentenceTemplates().describe_segments([Stretch(**about)], Parameters(self.TEMPLATES))
        return one

    def test_those_of_the_phase_go_before_those_of_the_class_and_none_twice(self) -> None:
        said = self.said(action="pick", phase="lift", target="red_block", proposed=["Take it away."])
        assert said.sentences == ("Lift the red block.", "Raise the red block with the hand.", "Pick up the red block.")

    def test_what_the_proposal_says_itself_comes_next_and_what_fits_any_class_last(self) -> None:
        assert self.said(proposed=GOOD).sentences == GOOD
        said = self.said(action="hand-over", proposed=["Give it away."])
        assert said.sentences == ("Give it away.", "Hand over the object.", "Use the hand to hand over the object.")

    def test_where_there_are_too_few_it_says_so(self) -> None:
        assert self.said(proposed=["Take it.", "take it"]).refused == (
            "Templates make only 1 different sentences of this segment."
        )

    def test_templates_that_are_no_lists_are_refused(self) -> None:
        with pytest.raises(ValueError, match="'actions/pick' are 'Pick', but they must be a list"):
            Parameters({"actions/pick": "Pick"})


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread(10, 21, 6) == [10, 12, 14, 16, 18, 20]
    assert spread(10, 12, 6) == [10, 11]
    assert spread(10, 30, 0) == []


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.mp4"
    write_video(SceneSpec(seed=3, frames=45, width=120, height=88), path)
    return path


@pytest.fixture
def scene_clip(project: Project, alice: User, video: Path) -> Clip:
    return ClipFactory(project=project, by=alice, path=video)


def read(clip: Clip) -> Any:
    return json.loads((clip.folder / "actions/descriptions.json").read_bytes())


@pytest.mark.django_db
class TestInProjects:
    def test_every_proposed_segment_is_asked_for_once_and_only_this_layer_follows_the_engine(
        self, scene_clip: Clip, settings: Settings
    ) -> None:
        by_class = {"templates": ["Lift it high", "Raise it now", "Hold it up"]}
        Phase.objects.filter(project=scene_clip.project, key="transport").update(**by_class)
        computed(scene_clip, {}, {"descriptions": {}})
        proposed = Proposal.objects.current().filter(clip=scene_clip, kind="segment")
        assert {each.details["described_by"] for each in proposed} == {"templates"}
        moved = proposed.filter(details__phase="transport")
        assert moved.exists()
        assert {tuple(each.details["descriptions"]) for each in moved} == {
            ("Lift it high.", "Raise it now.", "Hold it up.")
        }
        before = set(LayerRun.objects.current().exclude(layer="descriptions").values_list("pk", flat=True))
        templates = LayerRun.objects.current().get(layer="descriptions")

        with serving((200, "gemini_alike"), (200, "gemini_alike"), (200, "gemini_sentences")) as service:
            settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"gemini": (service.address, "sk-secret")}
            computed(scene_clip, {"descriptions": "gemini"}, {"descriptions": {"frames": 4}})
            computed(scene_clip, {"descriptions": "gemini"})
        segments = read(scene_clip)["segments"]
        assert len(service.asked) == len(segments) + 1  # one more for the first, nothing for the second run
        assert len(service.asked[0][2]["contents"][-1]["parts"]) == 4 + 1
        assert set(LayerRun.objects.current().exclude(layer="descriptions").values_list("pk", flat=True)) == before
        calls = ApiCall.objects.filter(layer_run__layer="descriptions")
        assert calls.count() == len(service.asked)
        assert {call.prompt for call in calls} == {vlm_prompts.resolved("segment-1")}

        # The first was refused twice, and keeps the words that it had.
        assert segments[0]["sentences"] == []
        assert "nearly the same" in segments[0]["refused"]
        told = {each.number: each.details for each in proposed.all()}
        assert told.pop(segments[0]["id"])["described_by"] == "templates"
        assert {each["described_by"] for each in told.values()} == {"gemini, gemini-2.5-flash, segment-1"}
        assert {tuple(each["descriptions"]) for each in told.values()} == {GOOD}

        # The older version is brought back without being computed, and so are its words.
        run = runs.make_current(layer_run=LayerRun.objects.get(pk=templates.pk), by=None, tell=False)
        runs.plan(run)
        compute.work_here(run)
        assert {each.details["described_by"] for each in proposed.all()} == {"templates"}
        assert calls.count() == len(service.asked)

    def test_a_prompt_of_captions_cannot_be_set(self, scene_clip: Clip, settings: Settings) -> None:
        settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"openai": ("http://127.0.0.1:8001", "")}
        with pytest.raises(RunRefused, match="there is no prompt 'keyframe-1'; there are segment-1"):
            runs.configure(
                project=scene_clip.project,
                layer="descriptions",
                engine="openai",
                parameters={"prompt": "keyframe-1"},
                by=None,
            )
