"""The engine without weights, as prompts meet it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enrichment.engines import click_regions, grabcut
from enrichment.engines.roi import Picture
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Candidate, Prompt

VERSION: Final = grabcut.VERSION


@dataclass(frozen=True)
class Looked:
    """A picture (height, width, 3) uint8 RGB."""

    picture: Picture

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return self.picture.nbytes


class GrabcutPrompter:
    """Answers boxes and clicks by GrabCut and corrections by random walker."""

    @property
    def version(self) -> str:
        """See `Prompter.version`."""
        return VERSION

    def embed(self, picture: Picture) -> Looked:
        """See `Prompter.embed`."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != "uint8":
            raise EngineInputError("The picture must be (height, width, 3) uint8 RGB.")
        return Looked(picture)

    def answer(self, embedding: Looked, prompt: Prompt) -> list[Candidate]:
        """See `Prompter.answer`."""
        picture = embedding.picture
        if prompt.previous is not None and prompt.points:
            # Regions looked for anew with all clicks were worse than the corrected one in every measurement.
            found = [grabcut.refine(picture, prompt.previous.mask, prompt.points)]
        elif prompt.box is not None:
            found = grabcut.from_box(picture, prompt.box)
            if prompt.points:
                found = [grabcut.refine(picture, found[0].mask, prompt.points)]
        else:
            found = click_regions.propose(picture, prompt.points)
        return [Candidate(each.mask, each.confidence) for each in found]
