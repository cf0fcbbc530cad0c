"""What can be set of engines with weights. Apart from them, so that a page can show it without loading torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from enrichment.engines import vlm_prompts

# The sentences that Florence-2's caption tasks were trained with.
DETAILS: Final = {
    "brief": "What does the image describe?",
    "detailed": "Describe in detail what is shown in the image.",
    "paragraph": "Describe with a paragraph what is shown in the image.",
}


@dataclass(frozen=True)
class PersonParameters:
    """person_confidence, 0-1: less sure boxes are left out. person_overlap: surer boxes push out what overlaps more."""

    person_confidence: float = 0.3
    person_overlap: float = 0.7

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        _shares(self, "person_confidence", "person_overlap")


@dataclass(frozen=True)
class PoseParameters:
    """expert: of ViTPose++, 0 to 5; -1 chooses by the number of keypoints. Other weights have none."""

    expert: int = -1

    def __post_init__(self) -> None:
        """Refuse experts that no model has."""
        _whole("expert", self.expert, -1, 5)


@dataclass(frozen=True)
class GroundingParameters:
    """labels: keys of the taxonomy; said in words they are the prompt.

    box_confidence, 0-1: less sure boxes are left out. box_overlap: surer boxes of a label push out what overlaps more.
    """

    labels: tuple[str, ...] = ()
    box_confidence: float = 0.3
    box_overlap: float = 0.7

    def __post_init__(self) -> None:
        """Refuse what is no label and no share."""
        object.__setattr__(self, "labels", labels_of(self.labels))
        _shares(self, "box_confidence", "box_overlap")


@dataclass(frozen=True)
class PhraseParameters(GroundingParameters):
    """As above; most_tokens: of an answer, in which a box takes four."""

    most_tokens: int = 256

    def __post_init__(self) -> None:
        """Refuse what is no label, no share and no length."""
        super().__post_init__()
        _whole("most_tokens", self.most_tokens, 4, 1024)


@dataclass(frozen=True)
class CaptionParameters:
    """detail: brief, detailed or paragraph. most_tokens: of an answer."""

    detail: str = "detailed"
    most_tokens: int = 256

    def __post_init__(self) -> None:
        """Refuse tasks that the model was not trained for."""
        if self.detail not in DETAILS:
            raise ValueError(f"there is no detail {self.detail!r}; choose one of {', '.join(DETAILS)}.")
        _whole("most_tokens", self.most_tokens, 4, 1024)


@dataclass(frozen=True)
class AutomaticParameters:
    """How SAM 2 searches a picture.

    points_per_side: of the grid. mask_confidence, stability: 0-1, below them a mask is left out. mask_overlap: surer
    masks push out what overlaps more. least_share: of the picture, smaller masks are left out. look_every: frames
    between two looks; in between masks are carried along the flow.
    """

    points_per_side: int = 16
    mask_confidence: float = 0.8
    stability: float = 0.92
    mask_overlap: float = 0.7
    least_share: float = 0.0005
    look_every: int = 10

    def __post_init__(self) -> None:
        """Refuse what finds nothing or takes for ever."""
        _shares(self, "mask_confidence", "stability", "mask_overlap", "least_share")
        _whole("points_per_side", self.points_per_side, 1, 64)
        _whole("look_every", self.look_every, 1, 10_000)


@dataclass(frozen=True)
class ConceptParameters:
    """labels: keys of the taxonomy; said in words they are the prompts.

    mask_confidence, 0-1: less sure masks are left out. mask_overlap: surer masks push out what overlaps more.
    look_every: frames between two looks; in between masks are carried along the flow.
    """

    labels: tuple[str, ...] = ()
    mask_confidence: float = 0.5
    mask_overlap: float = 0.7
    look_every: int = 10

    def __post_init__(self) -> None:
        """Refuse what is no label, no share and no number of frames."""
        object.__setattr__(self, "labels", labels_of(self.labels))
        _shares(self, "mask_confidence", "mask_overlap")
        _whole("look_every", self.look_every, 1, 10_000)


@dataclass(frozen=True)
class VlmParameters:
    """prompt: its name; see vlm_prompts.py. model: as the service names it. temperature: 0 to 2. most_tokens: of an
    answer.

    longest_side: of the picture that is sent, pixels. kind: of prompts that can be chosen.
    """

    kind: ClassVar[str] = "keyframe"

    model: str
    prompt: str = "keyframe-1"
    temperature: float = 0.2
    most_tokens: int = 1024
    longest_side: int = 1024

    def __post_init__(self) -> None:
        """Refuse what a service would refuse for every picture, and name the prompt by its content."""
        object.__setattr__(self, "prompt", vlm_prompts.resolved(self.prompt, self.kind))
        if not self.model.strip():
            raise ValueError("model is empty; name one as the service does.")
        if not 0 <= float(self.temperature) <= 2:
            raise ValueError(f"temperature is {self.temperature}, but it must lie in 0 to 2.")
        _whole("most_tokens", self.most_tokens, 16, 65_536)
        _whole("longest_side", self.longest_side, 64, 4096)


@dataclass(frozen=True)
class GeminiParameters(VlmParameters):
    """See `VlmParameters`."""

    model: str = "gemini-2.5-flash"


@dataclass(frozen=True)
class OpenAIParameters(VlmParameters):
    """See `VlmParameters`."""

    model: str = "gpt-4.1-mini"


@dataclass(frozen=True)
class SegmentVlmParameters(VlmParameters):
    """See `VlmParameters`. frames: pictures that are sent of a segment, 2 to 16."""

    kind: ClassVar[str] = "segment"

    prompt: str = "segment-1"
    longest_side: int = 640
    frames: int = 6

    def __post_init__(self) -> None:
        """Refuse numbers of frames that show no change or cost too much."""
        super().__post_init__()
        _whole("frames", self.frames, 2, 16)


@dataclass(frozen=True)
class GeminiSegmentParameters(SegmentVlmParameters):
    """See `SegmentVlmParameters`."""

    model: str = GeminiParameters.model


@dataclass(frozen=True)
class OpenAISegmentParameters(SegmentVlmParameters):
    """See `SegmentVlmParameters`."""

    model: str = OpenAIParameters.model


def _shares(parameters: object, *names: str) -> None:
    for name in names:
        value = getattr(parameters, name)
        if not 0 <= float(value) <= 1:
            raise ValueError(f"{name} is {value}, but it must lie in 0 to 1.")


def _whole(name: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is {value}, but it must be a whole number of {least} to {most}.")


def labels_of(keys: Sequence[str]) -> tuple[str, ...]:
    """Labels as parameters hold them; raises ValueError when one is no word."""
    if isinstance(keys, str) or not all(isinstance(key, str) and key.strip() for key in keys):
        raise ValueError(f"labels are {keys!r}, but they must be a list of words, the keys of the taxonomy.")
    return tuple(keys)
