"""Captions and descriptions by OpenAI's HTTP interface (chat completions), which servers of one's own speak too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from enrichment.engines.parameters import VlmParameters
from enrichment.engines.vlm import Passing, PictureRefused, Question, Used, Vlm, counted
from enrichment.engines.vlm_prompts import Prompt
from enrichment.errors import ServiceFailed


class OpenAI(Vlm):
    """A server of one's own, such as vLLM's, may need no key."""

    name = "OpenAI"

    def request(
        self, prompt: Prompt, question: Question, parameters: VlmParameters
    ) -> tuple[str, dict[str, str], object]:
        """See `Vlm.request`."""
        messages: list[dict[str, object]] = [{"role": "system", "content": prompt.system}]
        for example in prompt.examples:
            messages.append({"role": "user", "content": f"{example.shown}\n\n{prompt.ask}"})
            messages.append({"role": "assistant", "content": example.answer})
        pictures = [
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{jpeg}"}} for jpeg in question.jpegs
        ]
        messages.append({"role": "user", "content": [*pictures, {"type": "text", "text": question.words}]})
        schema = {**prompt.schema, "additionalProperties": False}
        body = {
            "model": parameters.model,
            "messages": messages,
            "temperature": parameters.temperature,
            "max_completion_tokens": parameters.most_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": prompt.kind, "strict": True, "schema": schema},
            },
        }
        headers = {"Authorization": f"Bearer {self._link.key}"} if self._link.key else {}
        return "/v1/chat/completions", headers, body

    def used(self, content: Mapping[str, Any]) -> Used:
        """See `Vlm.used`."""
        said = content.get("usage")
        return Used(counted(said, "prompt_tokens"), counted(said, "completion_tokens"))

    def read(self, content: Mapping[str, Any]) -> str:
        """See `Vlm.read`."""
        try:
            first = content["choices"][0]
            if first["message"].get("refusal"):
                raise PictureRefused(f"OpenAI refuses the picture: {str(first['message']['refusal'])[:300]}")
            if first.get("finish_reason") == "length":
                raise ServiceFailed(
                    "OpenAI's answer was cut off; raise most_tokens, which its thinking counts against."
                )
            if first.get("finish_reason") == "content_filter":
                raise PictureRefused("OpenAI refuses the picture: content_filter.")
            return str(first["message"]["content"])
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise Passing(f"OpenAI's answer cannot be read ({type(error).__name__}).") from error

    def is_final(self, status: int, content: Mapping[str, Any]) -> bool:
        """With no money left OpenAI says 429, as for too many calls; waiting does not help."""
        error = content.get("error")
        return isinstance(error, dict) and error.get("code") == "insufficient_quota"
