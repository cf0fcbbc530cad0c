"""What captions are, whoever writes them. Strings only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """What a picture shows, in 2-3 sentences. tags: single words or short phrases, where the model gave some.

    environment, lighting: a word each, empty where the model said nothing of them. refused: why a service would not
    describe this picture, or what it said could not be used; then there is no text.
    """

    text: str
    tags: Sequence[str] = ()
    environment: str = ""
    lighting: str = ""
    refused: str = ""
