"""Optical flow from every frame to the next [E4]."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines.colour_wheel import colours
from enrichment.engines.dis_flow import DisFlow
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.parameters import as_json
from enrichment.registry import register

META_FILE = "flow/meta.json"
# A 720p float32 flow takes 7.4 MB a frame pair; with a long side of this it is 1.8 MB, and DIS four times as fast.
LONG_SIDE = 640
_SMALLEST_SIDE = 32

Flow = NDArray[np.float32]
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Parameters:
    """scale: at which flow is computed and stored; 1 is full size, None brings the long side to 640 pixels."""

    scale: float | None = None

    def __post_init__(self) -> None:
        """Refuse scales that no engine could work at."""
        if self.scale is not None and not 0 < float(self.scale) <= 1:
            raise ValueError(f"scale is {self.scale}, but it must lie above 0 and at most 1.")


@runtime_checkable
class FlowEngine(Protocol):
    """What flow needs of an engine."""

    def flow(self, pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], parameters: Any, /) -> Sequence[Flow]:
        """For each pair (height, width, 3) uint8 RGB of one size, (height, width, 2) float32, (u, v) in pixels.

        The point at (x, y) in the first picture lies at (x + u, y + v) in the second.
        """


class FlowReader:
    """The flow of a finished layer.

    Args:
        folder: the clip's folder.
        clip: gives the size of the picture.
    """

    def __init__(self, folder: ClipFolder, clip: ClipFacts) -> None:
        self._folder = folder
        self._size = (clip.height, clip.width)
        self.meta: dict[str, Any] = json.loads(folder.local(META_FILE).read_bytes())

    def __len__(self) -> int:
        return int(self.meta["count"])

    def read(self, frame: int) -> Flow:
        """From this frame to the next, (h, w, 2) float32 as stored: h, w and (u, v) in pixels at the stored size."""
        with self._folder.local(file_of(frame)).open("rb") as file:
            return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)

    def full(self, frame: int) -> Flow:
        """From this frame to the next, (height, width, 2) float32 at the clip's size, (u, v) in its pixels."""
        stored = self.read(frame)
        height, width = self._size
        if stored.shape[:2] == (height, width):
            return stored
        stretch = np.array([width / stored.shape[1], height / stored.shape[0]], dtype=np.float32)
        wide = cv2.resize(stored, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide * stretch, dtype=np.float32)


@register
class OpticalFlow(Layer):
    """Dense flow, at a reduced size unless the project asks for the full one."""

    name = "flow"
    title = "Optical flow"
    version = "2"
    cost = 4
    outputs = (
        Output("flow/flow_*.npy", "float32 (h, w, 2)", "(u, v) in pixels of the stored size, frame n to n + 1"),
        Output(META_FILE, "JSON", "sizes in pixels and the scale between them"),
    )
    engine = DisFlow.name
    needs = FlowEngine
    Parameters = Parameters
    batch_frames = 30
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """One array per frame of the batch that has a next one."""
        engine = context.engine

        def flow(model: FlowEngine, few: list[tuple[int, Pair]]) -> Sequence[Flow]:
            return model.flow([pair for _, pair in few], engine.parameters)

        for (number, _), found in engine.over(_pairs(context, span), flow):
            context.pieces.write_array(f"{number:03d}.npy", found)
            context.keep_going()

    def publish(self, context: Context) -> Product:
        """The batches' arrays under their names, and a file that says what they are."""
        clip = context.clip
        files = []
        for frame in range(clip.frame_count - 1):
            files.append(context.pieces.publish(f"{frame:03d}.npy", context.folder, file_of(frame)))
            context.keep_going()
        height, width = stored_size(clip, context.parameters)
        meta = {
            "count": clip.frame_count - 1,
            "frame_gap": 1,
            "size": [height, width],
            "clip_size": [clip.height, clip.width],
            "scale": [height / clip.height, width / clip.width],
            "channels": ["u", "v"],
            "units": "pixels at `size`; divide v by scale[0] and u by scale[1] for pixels of the clip",
            "dtype": "float32",
            "engine": context.engine.name,
            "engine_version": context.engine.version,
            **as_json(context.engine.parameters),
        }
        files.append(context.folder.write(META_FILE, (json.dumps(meta, indent=1) + "\n").encode()))
        return Product(files)

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Where the picture goes from here to the next frame: hue says where to, strength and opacity how far."""
        if frame >= clip.frame_count - 1:
            return None
        flow = FlowReader(folder, clip).read(frame)
        length = np.hypot(flow[..., 0], flow[..., 1])
        # Stillness stays clear, so that the picture below is seen where nothing moves.
        clear = np.clip(length / max(float(np.percentile(length, 99)), 1.0), 0, 1) * 255
        return np.dstack([colours(flow, None), clear.astype(np.uint8)])

    def open(self, folder: ClipFolder, clip: ClipFacts) -> FlowReader:
        """Flow by frame number."""
        return FlowReader(folder, clip)


def file_of(frame: int) -> str:
    """The file with the flow from this frame to the next."""
    return f"flow/flow_{frame:03d}.npy"


def stored_size(clip: ClipFacts, parameters: Parameters) -> tuple[int, int]:
    """(height, width) at which the flow of a clip is computed and stored, in pixels."""
    long_side = max(clip.height, clip.width)
    scale = parameters.scale if parameters.scale is not None else min(1.0, LONG_SIDE / long_side)
    # DIS needs 32 pixels; a tiny or very flat picture is then stored enlarged rather than not at all.
    return max(_SMALLEST_SIDE, round(clip.height * scale)), max(_SMALLEST_SIDE, round(clip.width * scale))


def _pairs(context: Context, span: Span) -> Iterator[tuple[int, Pair]]:
    """Number, picture and next picture of every frame of a batch that has a next one, at the stored size."""
    clip = context.clip
    size = stored_size(clip, context.parameters)
    before: NDArray[np.uint8] | None = None
    for number, picture in context.frames.iterate(span.start, min(span.end + 1, clip.frame_count)):
        small = _reduced(picture, size)
        if before is not None:
            yield number - 1, (before, small)
        before = small


def _reduced(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[:2] != size:
        picture = np.asarray(cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(picture)
