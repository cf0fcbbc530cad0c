"""SAM 3 on single pictures, as prompts meet it: a box is an example, and everything like it on the picture an answer.

Further boxes show more of what is meant, or what is not meant. Clicks choose among what was found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from enrichment.engines import checkpoints
from enrichment.engines.instances import Instance
from enrichment.engines.sam3 import Sam3
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Box, Candidate, Click, Mask, Picture, Prompt


@dataclass(frozen=True)
class Seen:
    """What the picture encoder made of a picture of height x width."""

    features: Any
    height: int
    width: int

    @property
    def nbytes(self) -> int:
        """Memory that it holds for itself, in bytes."""
        return sum(each.element_size() * each.nelement() for each in self.features.fpn_hidden_states)


class Sam3Prompter:
    """Answers with what is like the box: first the mask that fits it best, then the others, the surest first."""

    def __init__(self, folder: Path) -> None:
        self._model = Sam3(folder)
        self._version = f"{folder.name} {checkpoints.digest(folder)[:12]}, transformers-{transformers.__version__}"
        # Torch runs one request on all cores; two at once would only make both late.
        self._turn = threading.Lock()

    @property
    def version(self) -> str:
        """See `Prompter.version`."""
        return self._version

    def embed(self, picture: Picture) -> Seen:
        """See `Prompter.embed`."""
        with self._turn:
            return Seen(self._model.see(picture), picture.shape[0], picture.shape[1])

    def answer(self, embedding: Seen, prompt: Prompt) -> list[Candidate]:
        """See `Prompter.answer`."""
        if prompt.box is None:
            raise EngineInputError("SAM 3 takes a box round one example; drag one, then click to choose.")
        size = (embedding.height, embedding.width)
        prompt.check(*size)
        examples = [_inside(prompt.box, True, size), *(_inside(box, like, size) for box, like in prompt.examples)]
        with self._turn:
            found = self._model.like(embedding.features, examples, size)
        if not found:
            raise EngineInputError("SAM 3 sees nothing like the box; draw it closer round the whole thing.")
        ranked = sorted(found, key=lambda each: self._rank(each, examples[0][0], prompt.points))
        return [Candidate(each.mask, each.confidence) for each in ranked]

    def _rank(self, found: Instance, box: Box, clicks: Sequence[Click]) -> tuple[int, bool, float]:
        """What contradicts the clicks comes last; of the rest what fills the box comes first."""
        wrong = sum(bool(found.mask[int(y), int(x)]) != belongs for x, y, belongs in clicks)
        fits = _overlap(found.mask, box) >= 0.5
        return wrong, not (fits and not clicks), -found.confidence


def _inside(box: Box, like: bool, size: tuple[int, int]) -> tuple[Box, bool]:
    """A box (x, y, width, height) without what lies beyond the picture, and whether what is meant is like it."""
    height, width = size
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(float(width), box[0] + box[2]), min(float(height), box[1] + box[3])
    return (left, top, right - left, bottom - top), like


def _overlap(mask: Mask, box: Box) -> float:
    """IoU of the smallest box around a mask with a box."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top, right, bottom = float(xs[0]), float(ys[0]), float(xs[-1] + 1), float(ys[-1] + 1)
    wide = min(right, box[0] + box[2]) - max(left, box[0])
    tall = min(bottom, box[1] + box[3]) - max(top, box[1])
    shared = max(0.0, wide) * max(0.0, tall)
    return shared / ((right - left) * (bottom - top) + box[2] * box[3] - shared)
