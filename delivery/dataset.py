"""What a delivery says, as plain values: the only thing an export format sees.

Clips are visited one after the other and a clip's masks come in pieces, so a dataset of any length takes the memory
of one clip. No value here holds a clock or a database id that would differ if the same state were pinned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from annotation.geometry.rle import Rle

Picture = npt.NDArray[np.uint8]
Order = Literal["frame", "track"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one revision comes from [A7].

    author is a pseudonym that is the same person throughout a project. made is UTC, ISO 8601. seconds is the time
    spent. status is the review status of the task: open, in_progress, submitted, sent_back or accepted.
    """

    revision: int
    version: int
    author: str
    method: str
    engine: str
    guideline: int
    taxonomy: int
    made: str
    seconds: float
    status: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the taxonomy; number counts from 1 in the order of the taxonomy version. more: rigidity, IoU target…"""

    number: int
    key: str
    definition: str
    colour: str
    retired: bool
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    number: int
    labels: tuple[Term, ...]
    actions: tuple[Term, ...]
    phases: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Human work on the frames [start, end); every one of `frames` is complete once the work is accepted."""

    start: int
    end: int
    frames: tuple[int, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Track:
    """One object through a clip. id counts from 1 within the clip, in the order of tasks and of `number`, which is
    what annotators called it.
    """

    id: int
    number: int
    label: str
    z_order: int
    masks: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Mask:
    """The visible pixels of a track on a frame; rle at the clip's size, area in px², bbox (x, y, width, height) px.

    edit_iou is the IoU with the proposal that it began from, edit_boundary the mean distance of their outlines in px;
    both are None when it began from nothing. amodal is the whole object, hidden parts included, None where nobody
    outlined it.
    """

    track: int
    label: str
    frame: int
    rle: Rle
    area: int
    bbox: tuple[int, int, int, int]
    occluded: bool
    edit_iou: float | None
    edit_boundary: float | None
    provenance: Provenance
    amodal: Rle | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """A track that something speaks of: its id within the clip, and the number by which annotators called it."""

    id: int
    number: int


@dataclass(frozen=True, slots=True)
class Segment:
    """An action on the frames [start, end); id counts from 1 within the clip. confidence 0-1 or None.

    object and hand are the tracks of what is acted on and of what acts, None where nobody said or where the track is
    not delivered. object_name is what people call it; hand_side left, right, both or empty; outcome success, failure,
    recovery or empty.
    """

    id: int
    start: int
    end: int
    level: str
    action: str
    phase: str
    instructions: tuple[str, ...]
    confidence: float | None
    provenance: Provenance
    object: Linked | None = None
    object_name: str = ""
    hand: Linked | None = None
    hand_side: str = ""
    outcome: str = ""

    def about(self) -> dict[str, Any]:
        """What is acted on, by which hand, and how it ended; track_id is the track's as the masks beside it have it."""
        return {
            "object": _thing("name", self.object_name, self.object),
            "hand": _thing("side", self.hand_side, self.hand),
            "outcome": self.outcome,
        }


def _thing(name: str, value: str, track: Linked | None) -> dict[str, Any] | None:
    if not value and track is None:
        return None
    link = {"track_id": track.id, "track_number": track.number} if track else {"track_id": None, "track_number": None}
    return {name: value, **link}


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A file of the clip folder: its path inside, SHA-256 in hex, bytes, and the layer that owns it."""

    path: str
    sha256: str
    bytes: int
    layer: str


class ClipSource(Protocol):
    """How a clip's large things are reached."""

    def masks(self, order: Order) -> Iterator[Mask]:
        """Every mask, by (frame, track) or by (track, frame), a few hundred in memory at a time."""

    def segments(self) -> tuple[Segment, ...]:
        """Every action segment by start."""

    def seconds(self) -> npt.NDArray[np.float64]:
        """(frame_count,) float64 presentation time of each frame in seconds."""

    def pictures(self, frames: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        """The frames' pictures, (height, width, 3) uint8 RGB, exactly as decoded; frames ascending."""

    def files(self) -> tuple[tuple[LayerFile, ...], Mapping[str, Mapping[str, Any]]]:
        """The machine-made files that were pinned, and the manifest entry of each layer."""

    def local(self, path: str) -> Path:
        """Where a file of the clip folder can be opened."""

    def as_mp4(self, destination: Path) -> str:
        """Write the clip as video.mp4 with exactly the source's frames; returns how: copy, remux or lossless."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip. frames are the annotated ones, ascending: those that must be complete, and any other with a mask.

    complete are those of them that a task vouches for, so that a picture without a mask there means "nothing here".
    about: scene, environment, device, session, site, contributor, licence, consent. absent: layers that are not
    there, each with the reason.
    """

    id: int
    folder: str
    name: str
    source_name: str
    sha256: str
    width: int
    height: int
    frame_count: int
    fps: float
    duration: float
    variable_rate: bool
    about: Mapping[str, Any]
    media: Mapping[str, Any]
    tasks: tuple[Task, ...]
    tracks: tuple[Track, ...]
    frames: tuple[int, ...]
    complete: frozenset[int]
    mask_count: int
    segment_count: int
    absent: Mapping[str, str]
    source: ClipSource

    def status_of(self, frame: int) -> str:
        """The review status of the task that a frame belongs to, empty outside of all tasks."""
        return next((task.status for task in self.tasks if task.start <= frame < task.end), "")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is; what a delivered folder must add up to."""

    clips: int = 0
    frames: int = 0
    tracks: int = 0
    masks: int = 0
    segments: int = 0

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


class Clips(Protocol):
    """Clips in ascending id, to be walked as often as needed."""

    def __iter__(self) -> Iterator[Clip]: ...


@dataclass(frozen=True, slots=True)
class Dataset:
    """The whole. snapshot is the SHA-256 of everything that was pinned."""

    project: str
    name: str
    description: str
    filters: Mapping[str, Any]
    guideline: int
    taxonomy: Taxonomy
    snapshot: str
    counts: Counts
    clips: Clips
