"""Descriptions of action segments without a model: the project's templates, filled with what the proposal knows.

The workbench makes its suggestions of the same templates (frontend/static/js/models/instructions.js).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.engines import describing
from enrichment.engines.describing import SENTENCES, Description, Stretch
from enrichment.engines.phrases import phrase

NAME: Final = "templates"
VERSION: Final = "1"
_IN_GENERAL: Final = ("{Verb} the {object}", "Use the {hand} to {verb} the {object}", "Now {verb} that {object}")


@dataclass(frozen=True)
class Parameters:
    """templates: sentences with {object}, {hand}, {verb} or {Verb}, by "actions/pick" or "phases/lift".

    frames: pictures of a segment that are looked at.
    """

    templates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    frames: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse what is no list of sentences by key."""
        if not isinstance(self.templates, Mapping):
            raise ValueError(f"templates are {self.templates!r}, but they must be lists by key, such as actions/pick.")
        for key, texts in self.templates.items():
            if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"the templates of {key!r} are {texts!r}, but they must be a list of sentences.")


class SentenceTemplates:
    """Templates of the phase, then of the class, then what the proposal says itself, then some for any class."""

    def rehearse(self, picture: NDArray[np.uint8]) -> None:
        """Nothing is loaded."""

    def describe_segments(self, stretches: Sequence[Stretch], parameters: Parameters) -> list[Description]:
        """Three sentences for each, or why there are not as many."""
        return [_described(stretch, parameters.templates) for stretch in stretches]


def _described(stretch: Stretch, templates: Mapping[str, Sequence[str]]) -> Description:
    chosen: list[str] = []
    for text in _candidates(stretch, templates):
        if not describing.alike([*chosen, text]):
            chosen.append(text)
        if len(chosen) == SENTENCES:
            return Description(tuple(chosen))
    return Description(refused=f"Templates make only {len(chosen)} different sentences of this segment.")


def _candidates(stretch: Stretch, templates: Mapping[str, Sequence[str]]) -> list[str]:
    verb = phrase(stretch.action)
    fill = {
        "{object}": phrase(stretch.target) or "object",
        "{hand}": "hand",
        "{verb}": verb,
        "{Verb}": verb[:1].upper() + verb[1:],
    }
    of_phase = templates.get(f"phases/{stretch.phase}", ())
    of_class = templates.get(f"actions/{stretch.action}", ())
    general = _IN_GENERAL if stretch.action else ()
    return [
        *(_filled(text, fill) for text in (*of_phase, *of_class)),
        *stretch.proposed,
        *(_filled(text, fill) for text in general),
    ]


def _filled(template: str, fill: Mapping[str, str]) -> str:
    for mark, words in fill.items():
        template = template.replace(mark, words)
    return template.rstrip(".") + "."
