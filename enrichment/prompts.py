"""Masks for a box or clicks on a frame, for the workbench. Nothing is saved.

What a server process has looked at and answered it keeps for a while (`enrichment/prompting/kept.py`): a frame's
embedding, so that only the first prompt on it waits, and the answers, so that a correction names the mask that it
corrects and does not bring it. A process that has forgotten says so, and is then sent the mask.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from annotation import clips
from annotation.geometry import rle
from annotation.geometry.rle import Patch, Rle
from annotation.models import Clip
from enrichment.errors import AnswerForgotten, EngineInputError, EnrichmentError, RunRefused
from enrichment.prompting import registry
from enrichment.prompting.kept import Ahead, Kept
from enrichment.prompting.prompter import Box, Candidate, Click, Embedding, Previous, Prompt, Prompter

# A frame on which somebody prompts is mostly followed by its neighbour; further ones would be made in vain.
NEIGHBOURS: Final = 2
_ANSWER_BYTES: Final = 64 * 2**20


@dataclass(frozen=True)
class Named:
    """A mask that this process has given: which answer, which of its candidates."""

    answer: str
    candidate: int


@dataclass(frozen=True)
class Offer:
    """One candidate as it travels: run lengths inside its box [x, y, width, height], zeros for an empty one."""

    box: list[int]
    counts: str
    confidence: float


@dataclass(frozen=True)
class Answer:
    """What a prompt was answered with. id: for `Named`. engine: to be named on the mask."""

    id: str
    engine: str
    candidates: tuple[Offer, ...]


@dataclass(frozen=True)
class _Given:
    """An answer as it is kept."""

    clip: int
    frame: int
    engine: str
    masks: tuple[Rle, ...]
    states: tuple[Any, ...]

    @property
    def nbytes(self) -> int:
        return sum(len(mask["counts"]) + 200 for mask in self.masks) + sum(
            int(getattr(state, "nbytes", 0)) for state in self.states
        )


_EMBEDDINGS: Kept[Embedding] = Kept(settings.EMBEDDING_BYTES)
_ANSWERS: Kept[_Given] = Kept(_ANSWER_BYTES)
_AHEAD = Ahead("embeds-ahead")


def answer(
    clip: Clip,
    frame: int,
    *,
    box: Box | None = None,
    points: Sequence[Click] = (),
    previous: Named | Patch | None = None,
    examples: Sequence[tuple[Box, bool]] = (),
    travel: int = 0,
) -> Answer:
    """Propose masks for what a person points at.

    Args:
        box: (x, y, width, height) in pixels around the thing.
        points: (x, y, belongs) in the order of the clicks.
        previous: the mask that the clicks correct, by name or itself.
        examples: further boxes, each with whether what is meant is like what it holds.
        travel: 1 or -1 when the person goes through the clip that way; those neighbours are looked at meanwhile.

    Raises:
        RunRefused: neither a box nor a click, one outside the picture, a mask that is none of this clip's, examples
            for an engine that takes none, or an engine that does not work here.
        AnswerForgotten: `previous` names a mask that this process does not have.
    """
    _check_frame(clip, frame)
    if box is None and not points:
        raise RunRefused("Give a box around the thing, or clicks on it.")
    prompter, engine = _engine(clip)
    if examples and not registry.takes_examples(engine.split()[0]):
        able = ", ".join(each.title for each in registry.every.every().values() if each.takes_examples)
        raise RunRefused(f"{engine.split()[0]} takes no examples; leave them out, or choose {able} in the settings.")
    known = _previous(clip, frame, engine, previous)
    try:
        embedding = _embedding(clip, frame, prompter, engine)
        found = prompter.answer(embedding, Prompt(box, tuple(points), known, tuple(examples)))
    except (EngineInputError, rle.RleError) as error:
        raise RunRefused(str(error)) from error
    prepare(clip, frame, travel=travel)
    return _given(clip, frame, engine, found)


def prepare(clip: Clip, frame: int, *, travel: int = 0) -> None:
    """Look at a frame, and its neighbours in the direction of travel, before anybody asks; returns at once.

    Raises:
        RunRefused: there is no such frame, or the engine does not work here.
    """
    _check_frame(clip, frame)
    way = (travel > 0) - (travel < 0)
    wanted = [frame + way * step for step in range(NEIGHBOURS + 1 if way else 1)]
    prompter, engine = _engine(clip)
    missing = [n for n in wanted if 0 <= n < clip.frame_count and _key(clip, n, engine) not in _EMBEDDINGS]
    _AHEAD.want([_wish(clip, n, prompter, engine) for n in missing])


def _wish(clip: Clip, frame: int, prompter: Prompter, engine: str) -> Any:
    def embed() -> None:
        try:
            _embedding(clip, frame, prompter, engine)
        except (EnrichmentError, OSError, ValueError, RuntimeError):
            # Nobody waits for it; who asks for this frame is told what is wrong.
            return

    return embed


def _engine(clip: Clip) -> tuple[Prompter, str]:
    chosen = clip.project.prompt_engine or registry.DEFAULT
    prompter = registry.prompter(chosen, settings.WEIGHTS_DIR)
    return prompter, f"{chosen.partition(':')[0]} {prompter.version}"


def _key(clip: Clip, frame: int, engine: str) -> tuple[int, str, int, str]:
    # The hash, because another clip may come to stand under the same number.
    return clip.pk, clip.sha256, frame, engine


def _embedding(clip: Clip, frame: int, prompter: Prompter, engine: str) -> Embedding:
    def look() -> Embedding:
        with clips.reader(clip) as reader:
            picture = reader.read(frame)
        return prompter.embed(picture)

    return _EMBEDDINGS.get(_key(clip, frame, engine), look)


def _previous(clip: Clip, frame: int, engine: str, said: Named | Patch | None) -> Previous | None:
    if said is None:
        return None
    if isinstance(said, Named):
        given = _ANSWERS.find(said.answer)
        if given is None or given.clip != clip.pk or given.frame != frame or said.candidate >= len(given.masks):
            raise AnswerForgotten("The mask that this corrects is not known here any more; send it along.")
        state = given.states[said.candidate] if given.engine == engine else None
        return Previous(rle.decode(given.masks[said.candidate]).astype(bool), state)
    try:
        return Previous(rle.paste(said, height=clip.height, width=clip.width).astype(bool))
    except rle.RleError as error:
        raise RunRefused(str(error)) from error


def _given(clip: Clip, frame: int, engine: str, found: Sequence[Candidate]) -> Answer:
    masks = tuple(rle.encode(each.mask) for each in found)
    name = uuid.uuid4().hex
    _ANSWERS.put(name, _Given(clip.pk, frame, engine, masks, tuple(each.state for each in found)))
    offers = []
    for mask, each in zip(masks, found, strict=True):
        patch = _patch(mask, each)
        offers.append(Offer(patch["box"], patch["counts"], round(each.confidence, 3)))
    return Answer(name, engine, tuple(offers))


def _patch(mask: Rle, candidate: Candidate) -> Patch:
    x, y, width, height = rle.bbox(mask)
    if not width or not height:
        return {"box": [0, 0, 0, 0], "counts": ""}
    inside = candidate.mask[y : y + height, x : x + width]
    return {"box": [x, y, width, height], "counts": rle.encode(inside)["counts"]}


def _check_frame(clip: Clip, frame: int) -> None:
    if not 0 <= frame < clip.frame_count:
        raise RunRefused(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
