"""The contract of a layer: what it reads and writes, what computes it, and how its work is cut into batches.

A layer is one file in enrichment/layers/ that registers itself (registry.py). It is computed in two steps, each of
which may happen twice and then leaves the same bytes: `compute` turns some frames into pieces, in the checkpoint
folder; `publish` turns all pieces into the files of the clip folder. A layer sees no Django, settings or database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from annotation.media.artifacts import Artifact
from annotation.media.clip_folder import ClipFolder
from enrichment.checkpoints import Pieces
from enrichment.errors import EnrichmentError
from enrichment.loading import InHand
from enrichment.parameters import NoParameters

Reader = TypeVar("Reader")

# Layers that cost no more than this take about as long as decoding what they look at.
LIGHT = 4
# Batches of more are cut for their time alone, of layers that look at no pictures.
_FEW_FRAMES = 600


@dataclass(frozen=True)
class Output:
    """Files of a layer: a path pattern in the clip folder, the type of the numbers in them, their units.

    on_request: they are there only where the layer's parameters ask for them.
    """

    path: str
    dtype: str
    units: str
    on_request: bool = False


@dataclass(frozen=True)
class Span:
    """Frames [start, end) of a clip, and the number of the batch that they are."""

    index: int
    start: int
    end: int

    def among(self, frames: Iterable[int]) -> list[int]:
        """Those of some frames that it holds, in the same order."""
        return [frame for frame in frames if self.start <= frame < self.end]


class Frames(Protocol):
    """Exact frames of a clip, uint8 (height, width, 3) RGB. Layers share them, so they cannot be written to."""

    def read(self, frame: int, /) -> NDArray[np.uint8]:
        """One frame."""

    def iterate(self, start: int = 0, end: int | None = None, step: int = 1) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Numbers and pictures of frames [start, end) in one decoding pass."""

    def pick(self, frames: Iterable[int], /) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Numbers and pictures of these frames, rising, in one decoding pass."""


@dataclass(frozen=True)
class ClipFacts:
    """What a layer may know of its clip. Sizes in pixels, times in seconds of presentation."""

    id: int
    name: str
    source_name: str
    sha256: str
    bytes: int
    container: str
    codec: str
    width: int
    height: int
    rotation: int
    frame_count: int
    duration: float
    fps: float
    variable_rate: bool
    timestamps_synthesised: bool
    seconds: tuple[float, ...] = field(repr=False)
    about: Mapping[str, object] = field(default_factory=dict)  # scene, environment, device, session, site, licence …


@dataclass(frozen=True)
class Context:
    """All that a layer gets for one step.

    frames: the clip's frames. folder: where finished layers lie. pieces: what earlier batches of this layer left.
    parameters: an instance of the layer's Parameters. upstream: the readers that the input layers opened.
    engines: what was chosen to compute the layer, see `engine`; empty for a layer that computes by itself.
    keep_going: call it now and then in a long step; it raises BatchLost when another worker has taken over.
    """

    clip: ClipFacts
    frames: Frames
    folder: ClipFolder
    pieces: Pieces
    parameters: Any
    upstream: Mapping[str, object] = field(default_factory=dict)
    engines: Sequence[InHand] = ()
    keep_going: Callable[[], None] = lambda: None

    @property
    def engine(self) -> InHand:
        """The chosen engine; the first one for a layer that takes several."""
        if not self.engines:
            raise EnrichmentError("No engine was chosen for this layer.")
        return self.engines[0]

    def input(self, layer: str, kind: type[Reader]) -> Reader:
        """What an input layer opened for reading, of the type that its file names."""
        found = self.upstream.get(layer)
        if not isinstance(found, kind):
            raise EnrichmentError(f"The layer reads {layer} as {kind.__name__} but does not declare it as an input.")
        return found


@dataclass(frozen=True)
class Proposed:
    """One thing for people to accept or reject; [start, end) in frames, confidence 0-1."""

    number: int
    label: str
    confidence: float
    start: int
    end: int
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposals:
    """What a layer proposes; kind is mask_track or segment, path the file in the clip folder that holds it."""

    kind: str
    path: str
    items: Sequence[Proposed]


@dataclass(frozen=True)
class Wording:
    """Sentences for a segment that another layer has proposed: that of this number with these ends.

    by: who wrote them, in a few words.
    """

    number: int
    start: int
    end: int
    sentences: Sequence[str]
    by: str


@dataclass(frozen=True)
class Product:
    """What `publish` made: the layer's files, what it proposes to people, what a check found (None: not a check).

    measure: what the layer itself thinks of its result, 0-1 (a mean confidence, a quality score); watched for drift.
    unjudged: why a check could not judge, in a sentence. Then `findings` is None: an empty list would say that all is
    well, and close what was found before. With findings, none among them, it is what the check did not look for.
    """

    files: Sequence[Artifact]
    proposals: Proposals | None = None
    check: str = ""
    findings: Sequence[Mapping[str, object]] | None = None
    measure: float | None = None
    unjudged: str = ""

    @property
    def figure(self) -> float | None:
        """The layer's own measure, or how sure it is of what it proposes; None where neither says anything."""
        if self.measure is not None or self.proposals is None or not self.proposals.items:
            return self.measure
        return sum(item.confidence for item in self.proposals.items) / len(self.proposals.items)


class Layer(ABC):
    """One kind of thing that machines make of a clip.

    name, title: for programs and for people. version: raised when the layer's own code changes its result.
    inputs: layers that must be done before. batch_frames: frames per batch, None for the whole clip at once.
    batch_stops: for a layer that looks only here and there, so many such places are a batch, see `stops`. A batch of
    either kind takes minutes at most, with the slowest engine: it is what a killed worker costs.
    sequential: batch n needs what batch n-1 left. cost: of a frame beside other layers', 1 (cheap) to 9 (dear): cheap
    ones go first. device: the queue that its batches wait in, cpu or gpu, unless a chosen engine says another.
    engine, engine_version: what computes it when nothing is chosen: the layer itself, or the engine that is offered
    under that name (engine.py). needs: the Protocol that offered engines meet. several: more than one can be chosen.
    no_engine: why nothing computes it until an engine is chosen; empty for a layer that works as it is.
    from_project: parameters, its own or its engines', whose default the project has, as {parameter: attribute}.
    as_set_for: parameters that are as another layer has them until they are set for this one, as {parameter: layer}.
    from_people: the parameter that holds what people corrected of the layer's first input, clip by clip; a project
    cannot set it. from_recording: the parameter that stands for the series that were recorded with the clip, likewise,
    so that a layer which reads them is computed again when others are laid there. has_overlay: it can be laid over the
    picture, see `overlay`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = "1"
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[Output, ...]] = ()
    engine: ClassVar[str] = ""
    engine_version: ClassVar[str] = ""
    Parameters: ClassVar[type] = NoParameters
    batch_frames: ClassVar[int | None] = None
    batch_stops: ClassVar[int | None] = None
    sequential: ClassVar[bool] = False
    cost: ClassVar[int] = 3
    device: ClassVar[str] = "cpu"
    needs: ClassVar[type | None] = None
    several: ClassVar[bool] = False
    no_engine: ClassVar[str] = ""
    from_project: ClassVar[Mapping[str, str]] = {}
    as_set_for: ClassVar[Mapping[str, str]] = {}
    from_people: ClassVar[str] = ""
    from_recording: ClassVar[str] = ""
    has_overlay: ClassVar[bool] = False

    @classmethod
    def shares_frames(cls) -> bool:
        """Whether a worker may do its batches beside those of other such layers over the same frames of a clip."""
        return cls.cost <= LIGHT and 0 < (cls.batch_frames or 0) <= _FEW_FRAMES and not cls.sequential

    @abstractmethod
    def compute(self, context: Context, span: Span) -> None:
        """Turn the frames of one batch into pieces."""

    @abstractmethod
    def publish(self, context: Context) -> Product:
        """Turn all pieces into the layer's files."""

    def open(self, folder: ClipFolder, clip: ClipFacts) -> object:
        """A reader of the finished layer, for the layers downstream; the folder itself unless a layer has more."""
        return folder

    def wordings(self, folder: ClipFolder) -> Sequence[Wording]:
        """What the finished layer has people read of the segments that another one proposes; read from its files."""
        return ()

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """The layer on one frame as a picture to lay over it; None where it has nothing to show there.

        Only layers with `has_overlay` are asked.

        Returns:
            (h, w, 4) uint8 RGBA of any size with the clip's proportions.

        Raises:
            ClipFolderError: the layer's files are not there.
            ValueError: they are not what the layer promises.
        """
        return None

    def stops(self, folder: ClipFolder) -> Sequence[int]:
        """Frames at which it stops to look, or where things begin that it works on; any order, some may be the same.

        Only layers with `batch_stops` are asked, when their inputs are done.

        Raises:
            ClipFolderError: the files of an input are not there.
            ValueError: they are not what that layer promises.
        """
        return ()

    def spans(self, frame_count: int, stops: Sequence[int] = ()) -> list[Span]:
        """The batches of a clip, without the closing one; together they are all of its frames.

        Args:
            frame_count: of the clip.
            stops: what `stops` gives; without it a layer that is cut by them has one batch.
        """
        if self.batch_stops is None:
            starts = list(range(0, frame_count, self.batch_frames or frame_count))
        else:
            starts = [0, *sorted(set(stops))[self.batch_stops :: self.batch_stops]]
        ends = [*starts[1:], frame_count]
        return [Span(index, *frames) for index, frames in enumerate(zip(starts, ends, strict=True))]


class LayerWithoutEngine(Layer):
    """A layer that is declared, so that people see it is missing and why, but that nothing here computes."""

    def compute(self, context: Context, span: Span) -> None:
        """Never called: the ledger makes no batches for it."""
        raise EnrichmentError(self.no_engine)

    def publish(self, context: Context) -> Product:
        """Never called either."""
        raise EnrichmentError(self.no_engine)
