"""Action segments with phases and sentences, for people to accept or correct [E5]."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.engines import motion_actions, window_segments
from enrichment.engines.motion_actions import ActionParameters, ActionSegment
from enrichment.engines.motion_features import MotionFeatures, MotionSeries, join
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Proposals, Proposed, Span
from enrichment.layers.flow import FlowReader
from enrichment.registry import register

SEGMENTS_FILE = "actions/segments.json"
MOTION_FILE = "actions/motion.npz"
_DETAILS: Final = ("level", "phase", "descriptions", "target")
# Said only where an engine chooses action and phase apart.
_APART: Final = ("action_confidence", "phase_confidence")


@dataclass(frozen=True)
class Parameters:
    """shortest_phase and longest_phase: in seconds."""

    shortest_phase: float = ActionParameters.shortest_phase
    longest_phase: float = ActionParameters.longest_phase

    def __post_init__(self) -> None:
        """Refuse phases that cannot be."""
        if not 0 < float(self.shortest_phase) < float(self.longest_phase):
            raise ValueError(
                f"shortest_phase is {self.shortest_phase} and longest_phase {self.longest_phase}; "
                f"both must be above 0, the first below the second."
            )


@dataclass(frozen=True)
class ActionsReader:
    """A finished layer: the motion that the segments were read from, and the segments as plain values."""

    motion: MotionSeries
    segments: list[dict[str, Any]]


@runtime_checkable
class ActionEngine(Protocol):
    """What actions need of an engine that looks at pictures. window: frames that one vector is about.

    Its parameters have `stride`, frames from one window to the next, and `classes` and `phases`, the taxonomy's keys.
    """

    window: int

    def describe(
        self, windows: Sequence[Sequence[NDArray[np.uint8]]], parameters: Any, /
    ) -> Sequence[NDArray[np.float32]]:
        """For each window of pictures (height, width, 3) uint8 RGB a vector of length 1."""

    def classes_of(self, parameters: Any, /) -> Mapping[str, NDArray[np.float32]]:
        """By "action", "action/phase" or "/phase" a vector of length 1, to name what is found; empty if unknown."""


@register
class Actions(Layer):
    """What the hand or gripper does, from how it moves; or what a video model sees, where one is chosen."""

    name = "actions"
    title = "Action proposals"
    cost = 2
    inputs = ("flow", "segmentation")
    outputs = (
        Output(SEGMENTS_FILE, "JSON", "frames [start, end), seconds, confidence 0-1"),
        Output(MOTION_FILE, "float32 arrays by name", "pixels of the clip, pixels per frame"),
    )
    engine = motion_actions.NAME
    engine_version = motion_actions.VERSION
    needs = ActionEngine
    Parameters = Parameters
    from_project = {"classes": "action_keys", "phases": "phase_keys"}
    batch_frames = 60

    def compute(self, context: Context, span: Span) -> None:
        """A few numbers per frame of the batch, from flow and masks; a video model's vectors, where one is chosen."""
        if context.engines:
            context.pieces.write_arrays(_vectors_of(span.index), _described(context, span))
        flow, tracks = context.input("flow", FlowReader), context.input("segmentation", MaskTracks)
        features = MotionFeatures(context.clip.height, context.clip.width, first=span.start)
        for frame in range(span.start, span.end):
            following = flow.read(frame) if frame < context.clip.frame_count - 1 else None
            features.add(following, tracks.masks(frame), tracks.labels)
            context.keep_going()
        context.pieces.write_arrays(_motion_of(span.index), features.series().arrays())

    def publish(self, context: Context) -> Product:
        """Segments over the whole clip, and the motion that checks compare people's labels with."""
        clip = context.clip
        spans = self.spans(clip.frame_count)
        motion = join([MotionSeries.from_arrays(context.pieces.read_arrays(_motion_of(span.index))) for span in spans])
        names = {
            number: label.replace("_", " ")
            for number, label in context.input("segmentation", MaskTracks).labels.items()
            if label != "target_object"
        }
        settings = ActionParameters(
            shortest_phase=float(context.parameters.shortest_phase),
            longest_phase=float(context.parameters.longest_phase),
        )
        made_by = f"{self.engine} {self.engine_version}"
        if context.engines:
            found = self._seen(context, settings)
            made_by = f"{context.engine.name} {context.engine.version}"
        else:
            found = motion_actions.propose(motion, rate_of(clip), names, settings)
        segments = [_plain(number, segment, clip) for number, segment in enumerate(found)]
        content = {"engine": made_by, "segments": segments}
        context.pieces.write_arrays("whole.npz", motion.arrays())
        return Product(
            [
                context.folder.write(SEGMENTS_FILE, (json.dumps(content, indent=1) + "\n").encode()),
                context.pieces.publish("whole.npz", context.folder, MOTION_FILE),
            ],
            proposals=Proposals("segment", SEGMENTS_FILE, [_proposed(segment) for segment in segments]),
        )

    def _seen(self, context: Context, settings: ActionParameters) -> list[ActionSegment]:
        """What a video model makes of the clip."""
        clip = context.clip
        parts = [context.pieces.read_arrays(_vectors_of(span.index)) for span in self.spans(clip.frame_count)]
        parts = [part for part in parts if len(part["starts"])]
        with context.engine.model() as model:
            window, classes = model.window, dict(model.classes_of(context.engine.parameters))
        return window_segments.propose(
            np.concatenate([part["vectors"] for part in parts]).astype(np.float32),
            np.concatenate([part["starts"] for part in parts]).astype(int).tolist(),
            window=window,
            frames=clip.frame_count,
            fps=rate_of(clip),
            classes=classes,
            shortest=settings.shortest_phase,
            longest=settings.longest_phase,
        )

    def open(self, folder: ClipFolder, clip: ClipFacts) -> ActionsReader:
        """Motion and segments."""
        return ActionsReader(motion_in(folder), segments_in(folder))


def segments_in(folder: ClipFolder) -> list[dict[str, Any]]:
    """The segments of a finished layer as plain values.

    Raises:
        ClipFolderError: the file is not there.
        ValueError: it holds no segments.
    """
    try:
        return list(json.loads(folder.local(SEGMENTS_FILE).read_bytes())["segments"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{SEGMENTS_FILE} does not hold segments ({error}).") from error


def _described(context: Context, span: Span) -> dict[str, NDArray[Any]]:
    """The vectors of the windows that begin in a batch, (k, d) float32, and their first frames, (k,) int64.

    Near the end of the clip its last frame is shown again, so that every window is whole.
    """
    engine, count = context.engine, context.clip.frame_count
    stride = int(engine.parameters.stride)
    with engine.model() as model:
        window: int = model.window
    starts = range(-(-span.start // stride) * stride, span.end, stride)

    def windows() -> Iterator[tuple[int, list[NDArray[np.uint8]]]]:
        held: dict[int, NDArray[np.uint8]] = {}
        coming = context.frames.iterate(span.start, min(count, span.end + window))
        for start in starts:
            while max(held, default=-1) < min(count, start + window) - 1:
                number, picture = next(coming)
                held[number] = picture
            held = {number: picture for number, picture in held.items() if number >= start}
            yield start, [held[min(number, count - 1)] for number in range(start, start + window)]
            context.keep_going()

    def describe(model: ActionEngine, few: list[tuple[int, list[NDArray[np.uint8]]]]) -> Sequence[NDArray[np.float32]]:
        return model.describe([pictures for _, pictures in few], engine.parameters)

    vectors = [vector for _, vector in engine.over(windows(), describe)]
    return {"starts": np.array(list(starts), dtype=np.int64), "vectors": np.array(vectors, dtype=np.float32)}


def motion_in(folder: ClipFolder) -> MotionSeries:
    """The motion of a clip whose actions are computed."""
    with np.load(folder.local(MOTION_FILE), allow_pickle=False) as stored:
        return MotionSeries.from_arrays({name: stored[name] for name in stored.files})


def rate_of(clip: ClipFacts) -> float:
    """Frames per second as they really follow each other; what the container declares is not trusted."""
    if len(clip.seconds) < 2:
        return clip.fps
    step = float(np.median(np.diff(clip.seconds)))
    return 1.0 / step if step > 0 else clip.fps


def _plain(number: int, segment: ActionSegment, clip: ClipFacts) -> dict[str, Any]:
    end = clip.seconds[segment.end] if segment.end < len(clip.seconds) else max(clip.duration, clip.seconds[-1])
    return {
        "id": number,
        "start": segment.start,
        "end": segment.end,
        "start_seconds": clip.seconds[segment.start],
        "end_seconds": end,
        "level": segment.level,
        "action": segment.action_class,
        "phase": segment.phase,
        "confidence": segment.confidence,
        "target": segment.target,
        "descriptions": list(segment.descriptions),
        **{name: value for name in _APART if (value := getattr(segment, name)) is not None},
    }


def _proposed(segment: dict[str, Any]) -> Proposed:
    return Proposed(
        number=segment["id"],
        label=segment["action"],
        confidence=segment["confidence"],
        start=segment["start"],
        end=segment["end"],
        details={key: segment[key] for key in (*_DETAILS, *_APART) if key in segment},
    )


def _vectors_of(batch: int) -> str:
    return f"vectors_{batch:05d}.npz"


def _motion_of(batch: int) -> str:
    return f"motion_{batch:05d}.npz"
