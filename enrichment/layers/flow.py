"""Optical flow from every frame to the next, and over other gaps where they are asked for [E4]."""

from __future__ import annotations

import json
from collections import deque
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
# So many pictures, at the stored size, are held at most while a batch is computed.
LONGEST_GAP = 30

Flow = NDArray[np.float32]
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Parameters:
    """scale: at which flow is computed and stored; 1 is full size, None brings the long side to 640 pixels.

    gaps: frames from one picture of a pair to the other. 1 is always among them: other layers read it.
    """

    scale: float | None = None
    gaps: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        """Refuse scales that no engine could work at, and gaps that would hold too many pictures."""
        given = self.gaps if isinstance(self.gaps, list | tuple) else ("?",)
        if any(isinstance(gap, bool) or not isinstance(gap, int) or not 1 <= gap <= LONGEST_GAP for gap in given):
            raise ValueError(f"gaps are {self.gaps!r}, but they must be a list of whole numbers of 1 to {LONGEST_GAP}.")
        object.__setattr__(self, "gaps", tuple(sorted({1, *self.gaps})))
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

    @property
    def gaps(self) -> dict[int, int]:
        """How many pairs there are by the frames between their pictures."""
        # What was computed before there were other gaps does not list them.
        each_gap = self.meta.get("gaps", [{"frame_gap": 1, "count": len(self)}])
        return {int(each["frame_gap"]): int(each["count"]) for each in each_gap}

    def read(self, frame: int, gap: int = 1) -> Flow:
        """From this frame to the one `gap` frames on, (h, w, 2) float32: all in pixels at the stored size.

        Raises:
            ValueError: the flow over this gap was not asked for.
        """
        if gap != 1 and gap not in self.gaps:
            there = ", ".join(map(str, self.gaps))
            raise ValueError(f"There is no flow over {gap} frames, only over {there}; set gaps of the layer flow.")
        with self._folder.local(file_of(frame, gap)).open("rb") as file:
            return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)

    def full(self, frame: int, gap: int = 1) -> Flow:
        """As `read`, but (height, width, 2) at the clip's size, (u, v) in its pixels."""
        stored = self.read(frame, gap)
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
    version = "3"
    cost = 4
    outputs = (
        Output("flow/flow_*.npy", "float32 (h, w, 2)", "(u, v) in pixels of the stored size, frame n to n + 1"),
        Output(
            "flow/gap_*/flow_*.npy",
            "float32 (h, w, 2)",
            "(u, v) in pixels of the stored size, frame n to n + the gap of the folder's name",
            on_request=True,
        ),
        Output(META_FILE, "JSON", "sizes in pixels, the scale between them, the gaps in frames"),
    )
    engine = DisFlow.name
    needs = FlowEngine
    Parameters = Parameters
    batch_frames = 60
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """One array per frame of the batch and gap that has a picture so far on."""
        engine = context.engine

        def flow(model: FlowEngine, few: list[tuple[str, Pair]]) -> Sequence[Flow]:
            return model.flow([pair for _, pair in few], engine.parameters)

        for (piece, _), found in engine.over(_pairs(context, span), flow):
            context.pieces.write_array(piece, found)
            context.keep_going()

    def publish(self, context: Context) -> Product:
        """The batches' arrays under their names, and a file that says what they are."""
        clip = context.clip
        files = []
        counts = {gap: max(0, clip.frame_count - gap) for gap in context.parameters.gaps}
        for gap, count in counts.items():
            for frame in range(count):
                files.append(context.pieces.publish(_piece_of(frame, gap), context.folder, file_of(frame, gap)))
                context.keep_going()
        height, width = stored_size(clip, context.parameters)
        meta = {
            "count": clip.frame_count - 1,
            "frame_gap": 1,
            "gaps": [
                {"frame_gap": gap, "count": count, "folder": folder_of(gap), "of": f"frame n to frame n + {gap}"}
                for gap, count in counts.items()
            ],
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


def folder_of(gap: int) -> str:
    """Where the flow over a gap lies in the clip folder."""
    return "flow" if gap == 1 else f"flow/gap_{gap}"


def file_of(frame: int, gap: int = 1) -> str:
    """The file with the flow from this frame to the one `gap` frames on."""
    return f"{folder_of(gap)}/flow_{frame:03d}.npy"


def _piece_of(frame: int, gap: int) -> str:
    return f"{frame:03d}.npy" if gap == 1 else f"gap_{gap}_{frame:03d}.npy"


def stored_size(clip: ClipFacts, parameters: Parameters) -> tuple[int, int]:
    """(height, width) at which the flow of a clip is computed and stored, in pixels."""
    long_side = max(clip.height, clip.width)
    scale = parameters.scale if parameters.scale is not None else min(1.0, LONG_SIDE / long_side)
    # DIS needs 32 pixels; a tiny or very flat picture is then stored enlarged rather than not at all.
    return max(_SMALLEST_SIDE, round(clip.height * scale)), max(_SMALLEST_SIDE, round(clip.width * scale))


def _pairs(context: Context, span: Span) -> Iterator[tuple[str, Pair]]:
    """Piece, picture and picture so far on of every frame of a batch and every gap, at the stored size.

    One decoding pass serves all gaps; no more pictures are held than the longest gap spans. What an attempt before this
    one has computed is left out: a large model without a GPU may have been stopped at the end of a batch's time. Of
    many gaps a batch takes as many times as long, so that other machines are asked, too.
    """
    clip, gaps = context.clip, context.parameters.gaps
    size = stored_size(clip, context.parameters)
    is_there = context.pieces.has if len(gaps) > 1 else context.pieces.is_here
    held: deque[NDArray[np.uint8]] = deque(maxlen=max(gaps) + 1)
    for number, picture in context.frames.iterate(span.start, min(span.end + max(gaps), clip.frame_count)):
        held.append(_reduced(picture, size))
        for gap in gaps:
            piece = _piece_of(number - gap, gap)
            if span.start <= number - gap < span.end and not is_there(piece):
                yield piece, (held[-1 - gap], held[-1])


def _reduced(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[:2] != size:
        picture = np.asarray(cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(picture)
