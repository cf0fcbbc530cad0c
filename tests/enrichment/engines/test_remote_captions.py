"""Captions by Gemini and OpenAI, against a server on this machine that speaks as theirs are documented to."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import cv2
import numpy as np
import pytest
from django.utils import timezone
from pytest_django import Settings

from annotation.models import Clip
from enrichment import choosing, registry, remote, runs
from enrichment.engines import vlm, vlm_prompts
from enrichment.engines.gemini import Gemini
from enrichment.engines.openai import OpenAI
from enrichment.engines.parameters import GeminiParameters, OpenAIParameters, VlmParameters
from enrichment.engines.vlm import Link, Outcome, Vlm
from enrichment.errors import EngineMissing, RunRefused, ServiceFailed
from enrichment.models import ApiCall, LayerRun
from tests.enrichment.engines.recorded_service import RECORDED, RecordedService, serving
from tests.enrichment.engines.runs_of import computed

PICTURE = np.full((60, 200, 3), (200, 40, 40), np.uint8)
KINDS: dict[str, tuple[type[Vlm], VlmParameters]] = {
    "gemini": (Gemini, GeminiParameters(longest_side=100)),
    "openai": (OpenAI, OpenAIParameters(longest_side=100)),
}


@dataclass
class Notes:
    """A book that remembers."""

    begun: list[dict[str, Any]] = field(default_factory=list)
    ended: list[Outcome] = field(default_factory=list)

    def begin(self, **told: Any) -> tuple[int, float]:
        self.begun.append(told)
        return len(self.begun), 0.0

    def end(self, entry: Any, outcome: Outcome) -> None:
        self.ended.append(outcome)


@dataclass
class Asking:
    """A captioner of a service, what it wrote down, and how long it would have slept."""

    captioner: Vlm
    parameters: VlmParameters
    notes: Notes
    slept: list[float]

    def caption(self) -> Any:
        return self.captioner.caption([PICTURE], self.parameters)[0]


def asking(kind: str, service: RecordedService) -> Asking:
    notes, slept = Notes(), []
    made, parameters = KINDS[kind]
    link = Link(service.address, "sk-secret")
    return Asking(made(link, notes, sleep=slept.append, chance=lambda: 0.5), parameters, notes, slept)


class TestWhatIsSent:
    def test_gemini_gets_key_prompt_examples_schema_and_picture(self) -> None:
        with serving((200, "gemini_good")) as service:
            asking("gemini", service).caption()
        path, headers, body = service.asked[0]
        assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
        assert headers["x-goog-api-key"] == "sk-secret"
        assert "plainly visible" in body["systemInstruction"]["parts"][0]["text"]
        assert [turn["role"] for turn in body["contents"]] == ["user", "model"] * 3 + ["user"]
        picture, ask = body["contents"][-1]["parts"]
        assert shape_of(picture["inlineData"]["data"]) == (30, 100, 3)
        assert "two or three short sentences" in ask["text"]
        config = body["generationConfig"]
        assert config["responseMimeType"] == "application/json"
        assert config["responseSchema"]["required"] == ["caption", "tags", "environment", "lighting"]

    def test_openai_gets_key_prompt_examples_schema_and_picture(self) -> None:
        with serving((200, "openai_good")) as service:
            asking("openai", service).caption()
        path, headers, body = service.asked[0]
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == "Bearer sk-secret"
        assert [each["role"] for each in body["messages"]] == ["system", *["user", "assistant"] * 3, "user"]
        picture, _ = body["messages"][-1]["content"]
        kind, data = picture["image_url"]["url"].split(",")
        assert kind == "data:image/jpeg;base64"
        assert shape_of(data) == (30, 100, 3)
        schema = body["response_format"]["json_schema"]
        assert schema["strict"] is True
        assert schema["schema"]["additionalProperties"] is False
        for example in body["messages"][2:-1:2]:
            assert set(json.loads(example["content"])) == set(schema["schema"]["required"])


def shape_of(data: str) -> tuple[int, ...]:
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR).shape


class TestWhatIsAnswered:
    def test_a_good_answer_is_a_caption_and_its_tokens_are_counted(self) -> None:
        with serving((200, "gemini_good")) as service:
            asked = asking("gemini", service)
            caption = asked.caption()
        assert caption.text.startswith("A grey gripper holds a red block")
        assert caption.tags == ("grey gripper", "red block", "blue bowl")
        assert (caption.environment, caption.lighting) == ("laboratory", "even")
        assert asked.notes.begun[0]["prompt"] == vlm_prompts.resolved("keyframe-1")
        outcome = asked.notes.ended[0]
        assert (outcome.status, outcome.tokens_in, outcome.tokens_out, outcome.error) == (200, 1310, 182, "")

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("gemini", {"candidates": [{"finishReason": "MAX_TOKENS"}]}),
            ("gemini", {"candidates": [{"finishReason": "SAFETY"}]}),
            ("gemini", {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
            ("gemini", {"candidates": []}),
            ("openai", {"choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}),
            ("openai", {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}),
            ("openai", {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}),
            ("openai", {"choices": []}),
        ],
    )
    def test_what_is_refused_cut_off_or_cannot_be_read_is_paid_all_the_same(
        self, kind: str, said: dict[str, Any]
    ) -> None:
        usage = {
            "usageMetadata": {"promptTokenCount": 1310, "candidatesTokenCount": 62, "thoughtsTokenCount": 120},
            "usage": {"prompt_tokens": 1310, "completion_tokens": 182},
        }
        with serving((200, json.dumps(said | usage).encode()), (200, f"{kind}_good")) as service:
            asked = asking(kind, service)
            with suppress(ServiceFailed):
                asked.caption()
        outcome = asked.notes.ended[0]
        assert outcome.error
        assert (outcome.tokens_in, outcome.tokens_out) == (1310, 182)

    @pytest.mark.parametrize("usage", [None, "many", [1], {"prompt_tokens": "12", "completion_tokens": None}])
    def test_tokens_that_are_no_numbers_count_nothing(self, usage: object) -> None:
        good = json.loads((RECORDED / "openai_good.json").read_text())
        with serving((200, json.dumps(good | {"usage": usage}).encode())) as service:
            asked = asking("openai", service)
            assert asked.caption().text
        assert (asked.notes.ended[0].tokens_in, asked.notes.ended[0].tokens_out) == (0, 0)

    @pytest.mark.parametrize(
        ("wrong", "reason", "kept"),
        [
            (
                {"tags": "cup, table"},
                "Its tags are no list of texts",
                ("A cup. A table.", ()),
            ),
            ({"tags": [["cup"]]}, "Its tags are no list of texts", ("A cup. A table.", ())),
            ({"caption": "A cup."}, "The caption is a single sentence", ("A cup.", ("cup",))),
        ],
    )
    def test_tags_that_are_no_list_and_a_single_sentence_are_asked_for_once_more_and_then_done_without(
        self, wrong: dict[str, Any], reason: str, kept: tuple[str, tuple[str, ...]]
    ) -> None:
        good = {"caption": "A cup. A table.", "tags": ["cup"], "environment": "kitchen", "lighting": "even"}
        message = {"content": json.dumps(good | wrong)}
        answer = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        with serving((200, answer), (200, "openai_good")) as service:
            asked = asking("openai", service)
            assert asked.caption().tags == ("grey gripper", "red block")
        assert (
            f"Your last answer cannot be used: {reason}" in service.asked[1][2]["messages"][-1]["content"][-1]["text"]
        )
        assert asked.slept == []
        with serving((200, answer)) as service:
            caption = asking("openai", service).caption()
        assert (caption.text, caption.tags, caption.refused) == (*kept, "")
        assert len(service.asked) == 2

    def test_what_is_too_much_is_left_out_and_what_is_made_up_too(self) -> None:
        with serving((200, "openai_good")) as service:
            caption = asking("openai", service).caption()
        assert caption.text.endswith("The rest is bare.")
        assert caption.environment == ""

    @pytest.mark.parametrize(
        ("kind", "answer", "waited"),
        [
            ("gemini", (429, "gemini_exhausted"), 17.0),
            ("openai", (429, "openai_too_fast", {"Retry-After": "7"}), 7.0),
            ("gemini", (500, b"<html>upstream fell over</html>"), 1.0),
            ("openai", (503, b""), 1.0),
            ("openai", (200, b'{"choices": []}'), 1.0),
            ("gemini", (200, b"not JSON at all"), 1.0),
            (
                "openai",
                (200, b'{"choices": [{"message": {"content": "Sure! Here is"}, "finish_reason": "stop"}]}'),
                1.0,
            ),
        ],
    )
    def test_what_may_pass_is_asked_again_after_a_pause(
        self, kind: str, answer: tuple[Any, ...], waited: float
    ) -> None:
        with serving(answer, (200, f"{kind}_good")) as service:
            asked = asking(kind, service)
            assert asked.caption().text
        assert asked.slept == [waited]
        assert [each["attempt"] for each in asked.notes.begun] == [1, 2]
        assert asked.notes.ended[0].status == answer[0]
        assert asked.notes.ended[0].error
        assert asked.notes.ended[1].error == ""

    @pytest.mark.parametrize(
        ("kind", "answer", "said"),
        [
            ("openai", (429, "openai_no_money"), "exceeded your current quota"),
            ("openai", (401, "openai_bad_key"), r"provided: \[key\]"),
            ("gemini", (400, "gemini_bad_key"), "API key not valid"),
            ("gemini", (429, b"{}", {"Retry-After": "3600"}), "asks to wait 3600 s"),
            ("gemini", (200, b'{"candidates": [{"finishReason": "MAX_TOKENS"}]}'), "raise most_tokens"),
            ("gemini", (302, b"", {"Location": "http://127.0.0.1:1/elsewhere"}), "answered 302"),
        ],
    )
    def test_what_will_not_pass_is_said_at_once_and_without_the_key(
        self, kind: str, answer: tuple[Any, ...], said: str
    ) -> None:
        with serving(answer) as service:
            asked = asking(kind, service)
            with pytest.raises(ServiceFailed, match=said) as caught:
                asked.caption()
        assert len(service.asked) == 1
        assert "sk-secret" not in str(caught.value)
        assert "sk-secret" not in repr(asked.notes.ended)

    def test_a_picture_that_is_refused_has_no_caption_but_the_reason(self) -> None:
        with serving((200, "gemini_blocked")) as service:
            caption = asking("gemini", service).caption()
        assert caption.text == ""
        assert "PROHIBITED_CONTENT" in caption.refused

    def test_after_six_attempts_it_gives_up_and_says_why(self) -> None:
        with serving((500, b"")) as service:
            asked = asking("openai", service)
            with pytest.raises(ServiceFailed, match="at 6 attempts; the last time: OpenAI answered 500"):
                asked.caption()
        assert asked.slept == [1.0, 2.0, 4.0, 8.0, 16.0]
        assert len(asked.notes.ended) == 6

    def test_a_service_that_is_not_there_is_asked_again_too(self) -> None:
        with serving((200, "openai_good")) as service:
            asked = asking("openai", service)
        with pytest.raises(ServiceFailed, match="nobody answered"):
            asked.caption()
        assert {each.status for each in asked.notes.ended} == {0}

    def test_pauses_double_from_one_second_to_sixty_give_or_take_a_fifth(self) -> None:
        middle = [vlm.pause(attempt, 0.5) for attempt in range(8)]
        assert middle == [1, 2, 4, 8, 16, 32, 60, 60]
        assert (vlm.pause(3, 0.0), vlm.pause(3, 1.0)) == (pytest.approx(6.4), pytest.approx(9.6))


class TestPrompts:
    def test_a_prompt_is_named_by_its_content_wherever_it_is_set(self) -> None:
        exact = GeminiParameters().prompt
        assert exact.startswith("keyframe-1@")
        assert GeminiParameters(prompt=exact).prompt == exact
        with pytest.raises(ValueError, match="never edited"):
            GeminiParameters(prompt="keyframe-1@000000000000")
        with pytest.raises(ValueError, match="there is no prompt 'poem'; there are keyframe-1"):
            GeminiParameters(prompt="poem")

    @pytest.mark.parametrize("name", vlm_prompts.names("keyframe"))
    def test_every_prompt_can_be_used_and_its_examples_keep_its_rules(self, name: str) -> None:
        prompt = vlm_prompts.load(name)
        assert prompt.system
        assert prompt.ask
        assert len(prompt.examples) >= 2
        for example in prompt.examples:
            assert example.shown.startswith("A frame in words: ")
            caption = vlm.understood(example.answer, prompt)
            assert caption.text == json.loads(example.answer)["caption"]
            assert caption.environment
            assert caption.lighting


@pytest.fixture
def gemini_here(settings: Settings) -> Any:
    def at(service: RecordedService) -> None:
        settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"gemini": (service.address, "sk-secret")}

    return at


@pytest.mark.django_db
class TestInProjects:
    def test_keyframes_are_captioned_and_every_call_has_its_price(self, short_clip: Clip, gemini_here: Any) -> None:
        with serving((200, "gemini_good")) as service:
            gemini_here(service)
            computed(short_clip, {"captions": "gemini"}, {"tags": {}})
            keyframes = json.loads((short_clip.folder / "keyframes.json").read_text())["frames"]
            content = json.loads((short_clip.folder / "captions/captions.json").read_text())
            assert list(map(int, content["frames"])) == keyframes
            assert content["engine"] == "gemini"
            calls = ApiCall.objects.of(short_clip.project)
            assert calls.count() == len(service.asked) == len(keyframes)
            expected = (Decimal("0.30") * 1310 + Decimal("2.50") * 182) / 1_000_000
            assert {call.dollars for call in calls} == {expected.quantize(Decimal("0.000001"))}
            row = LayerRun.objects.current().get(layer="captions")
            assert row.parameters["prompt"] == vlm_prompts.resolved("keyframe-1")
            assert "sk-secret" not in json.dumps(row.parameters)
            tags = json.loads((short_clip.folder / "captions/tags.json").read_text())
            assert tags["words"][0]["keyframes"] == len(keyframes)
            # Nothing has changed, so nobody is paid again.
            computed(short_clip, {"captions": "gemini"})
            assert len(service.asked) == len(keyframes)

    def test_a_refused_call_has_its_price(self, short_clip: Clip, gemini_here: Any) -> None:
        with serving((200, "gemini_blocked")) as service:
            gemini_here(service)
            computed(short_clip, {"captions": "gemini"})
        expected = Decimal("0.30") * 1310 / 1_000_000
        assert {call.dollars for call in ApiCall.objects.of(short_clip.project)} == {expected}

    def test_without_a_key_it_cannot_be_chosen(self, short_clip: Clip, settings: Settings) -> None:
        settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"openai": ("https://api.openai.com", "")}
        with pytest.raises(EngineMissing, match="set OPENAI_API_KEY"):
            choosing.choose(registry.get("captions"), "openai", settings.WEIGHTS_DIR)
        settings.REMOTE_MODELS = settings.REMOTE_MODELS | {"openai": ("http://127.0.0.1:8001", "")}
        assert choosing.choose(registry.get("captions"), "openai", settings.WEIGHTS_DIR).engine == "openai"
        with pytest.raises(RunRefused, match="there is no prompt 'poem'"):
            runs.configure(
                project=short_clip.project, layer="captions", engine="openai", parameters={"prompt": "poem"}, by=None
            )

    def test_all_workers_together_begin_no_more_calls_in_a_minute_than_may(self) -> None:
        books = [remote.DatabaseBook("gemini") for _ in range(2)]
        told = {"service": "Gemini", "model": "gemini-2.5-flash", "prompt": "keyframe-1", "attempt": 1, "per_minute": 2}
        waits = [books[n % 2].begin(**told)[1] for n in range(6)]
        assert waits[:2] == [0.0, 0.0]
        assert all(55 < wait <= 60 for wait in waits[2:4])
        assert all(115 < wait <= 120 for wait in waits[4:])
        # Another service has a count of its own, and what lies a minute back counts no more.
        assert remote.DatabaseBook("openai").begin(**told)[1] == 0.0
        ApiCall.objects.update(began_at=timezone.now() - timedelta(minutes=2))
        assert books[0].begin(**told)[1] == 0.0

    def test_a_model_of_unknown_price_has_tokens_but_no_cost(self) -> None:
        book = remote.DatabaseBook("openai")
        entry, _ = book.begin(service="OpenAI", model="my-own", prompt="keyframe-1", attempt=1, per_minute=9)
        book.end(entry, Outcome(200, 1.5, 100, 20))
        call = ApiCall.objects.get()
        assert (call.tokens_in, call.tokens_out, call.dollars, call.seconds) == (100, 20, None, 1.5)
