"""Which frames stand for the clip: at an even pace, at changes of scene, and the outline of the episode [I3]."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from annotation.media import keyframes
from annotation.media.clip_folder import ClipFolder
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

FILE = "keyframes.json"


@dataclass(frozen=True)
class Parameters:
    """per_second: pace of the even ones. scene_threshold: distance of colour histograms, 0-1, that is a new scene."""

    per_second: float = 1.0
    scene_threshold: float = 0.35
    look_every: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no pace."""
        if not 0 < float(self.per_second) <= 60:
            raise ValueError(f"per_second is {self.per_second}, but it must lie above 0 and at most 60.")
        if not 0 <= float(self.scene_threshold) <= 1:
            raise ValueError(f"scene_threshold is {self.scene_threshold}, but it must lie in 0 to 1.")
        if not isinstance(self.look_every, int) or self.look_every < 1:
            raise ValueError(f"look_every is {self.look_every}, but it must be a whole number of 1 or more.")


@register
class Keyframes(Layer):
    """Frames worth looking at, by three rules; their union is what layers per keyframe work on."""

    name = "keyframes"
    title = "Keyframes"
    cost = 1
    outputs = (Output(FILE, "JSON", "frame numbers"),)
    engine = "uniform-scene-episode"
    engine_version = "1"
    Parameters = Parameters
    batch_frames = 120
    from_project = {"per_second": "keyframes_per_second"}

    def compute(self, context: Context, span: Span) -> None:
        """The colours of a part of the batch's frames, the same ones however the clip is cut into batches."""
        every = context.parameters.look_every
        seen = [number for number in range(span.start, span.end) if number % every == 0]
        counted = [keyframes.histogram(picture) for _, picture in context.frames.pick(seen)]
        numbers, histograms = np.array(seen, np.int64), np.array(counted, np.float32)
        context.pieces.write_arrays(_piece(span), {"frames": numbers, "histograms": histograms})

    def publish(self, context: Context) -> Product:
        """One file with each rule's frames and all of them together."""
        rules = {
            "uniform": keyframes.uniform(
                np.asarray(context.clip.seconds, dtype=np.float64), per_second=float(context.parameters.per_second)
            ),
            "scene": self._changes(context),
            "episode": keyframes.episode(context.clip.frame_count),
        }
        frames = sorted({frame for found in rules.values() for frame in found})
        content = {"frames": frames, "seconds": [context.clip.seconds[frame] for frame in frames], "rules": rules}
        return Product([context.folder.write(FILE, (json.dumps(content, indent=1) + "\n").encode())])

    def _changes(self, context: Context) -> list[int]:
        settings = context.parameters
        pieces = (context.pieces.read_arrays(_piece(span)) for span in self.spans(context.clip.frame_count))
        return keyframes.changes(
            (
                (int(frame), histogram)
                for piece in pieces
                for frame, histogram in zip(piece["frames"], piece["histograms"], strict=True)
            ),
            threshold=settings.scene_threshold,
            at_least=max(1, round(context.clip.fps / 2)),
        )

    def open(self, folder: ClipFolder, clip: ClipFacts) -> list[int]:
        """The frame numbers, ascending."""
        return frames_of(folder)


def frames_of(folder: ClipFolder) -> list[int]:
    """The keyframes of a finished layer, ascending.

    Raises:
        ClipFolderError: the file is not there.
        ValueError: it does not hold frame numbers.
    """
    try:
        return [int(frame) for frame in json.loads(folder.local(FILE).read_bytes())["frames"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE} does not hold frame numbers ({error}).") from error


def _piece(span: Span) -> str:
    return f"colours_{span.index:05d}.npz"
