"""Captions and descriptions by Gemini's HTTP interface (generateContent of v1beta)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from enrichment.engines.parameters import VlmParameters
from enrichment.engines.vlm import Passing, PictureRefused, Question, Used, Vlm, counted
from enrichment.engines.vlm_prompts import Prompt
from enrichment.errors import ServiceFailed


class Gemini(Vlm):
    """The key goes in a header, never in the address, which proxies write down."""

    name = "Gemini"

    def request(
        self, prompt: Prompt, question: Question, parameters: VlmParameters
    ) -> tuple[str, dict[str, str], object]:
        """See `Vlm.request`."""
        turns: list[dict[str, object]] = []
        for example in prompt.examples:
            turns.append({"role": "user", "parts": [{"text": f"{example.shown}\n\n{prompt.ask}"}]})
            turns.append({"role": "model", "parts": [{"text": example.answer}]})
        pictures = [{"inlineData": {"mimeType": "image/jpeg", "data": jpeg}} for jpeg in question.jpegs]
        turns.append({"role": "user", "parts": [*pictures, {"text": question.words}]})
        body = {
            "systemInstruction": {"parts": [{"text": prompt.system}]},
            "contents": turns,
            "generationConfig": {
                "temperature": parameters.temperature,
                "maxOutputTokens": parameters.most_tokens,
                "responseMimeType": "application/json",
                "responseSchema": prompt.schema,
            },
        }
        path = f"/v1beta/models/{quote(parameters.model, safe='')}:generateContent"
        return path, {"x-goog-api-key": self._link.key}, body

    def used(self, content: Mapping[str, Any]) -> Used:
        """See `Vlm.used`."""
        said = content.get("usageMetadata")
        return Used(counted(said, "promptTokenCount"), counted(said, "candidatesTokenCount", "thoughtsTokenCount"))

    def read(self, content: Mapping[str, Any]) -> str:
        """See `Vlm.read`."""
        blocked = (content.get("promptFeedback") or {}).get("blockReason")
        if blocked:
            raise PictureRefused(f"Gemini refuses the picture: {blocked}.")
        try:
            first = content["candidates"][0]
            ended = first.get("finishReason", "STOP")
            if ended == "MAX_TOKENS":
                raise ServiceFailed(
                    "Gemini's answer was cut off; raise most_tokens, which its thinking counts against."
                )
            if ended != "STOP":
                raise PictureRefused(f"Gemini refuses the picture: {ended}.")
            return "".join(part.get("text", "") for part in first["content"]["parts"] if not part.get("thought"))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise Passing(f"Gemini's answer cannot be read ({type(error).__name__}).") from error
