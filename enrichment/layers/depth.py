"""Depth [E1]: how far each pixel is, in millimetres, or only which is nearer when the engine knows no scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines.painting import depth_colours
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

META_FILE = "depth/meta.json"
MOST = 65535
METRIC, RELATIVE = "metric", "relative"
NO_LENGTH = "The depth is relative, and no length can be read from it; choose weights that give metres."
_UNITS = {
    METRIC: "millimetres; 0 where nothing is known, 65535 for 65.535 m and beyond",
    RELATIVE: "inverse depth without a unit, more is nearer; times scale[n] as the engine gave it for frame n. Scale "
    "and zero differ from frame to frame: no length can be read from it",
}

Depths = NDArray[np.float32]


@runtime_checkable
class DepthEngine(Protocol):
    """What depth needs of an engine; `metric` says whether `estimate` gives metres or relative inverse depth."""

    metric: bool

    def estimate(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Depths]:
        """For each picture (height, width, 3) uint8 RGB, (height, width) float32 of 0 or more."""


class DepthReader:
    """The depth of a finished layer; `metric` says whether it is a length."""

    def __init__(self, folder: ClipFolder) -> None:
        self._folder = folder
        self.meta: dict[str, Any] = json.loads(folder.local(META_FILE).read_bytes())
        self.metric: bool = self.meta["kind"] == METRIC

    def stored(self, frame: int) -> NDArray[np.uint16]:
        """(height, width) uint16 as it lies on disk; raises ValueError when that is no such picture."""
        return picture(self._folder, frame)

    def read(self, frame: int) -> Depths:
        """(height, width) float32: metres when `metric`, 0 where nothing is known; else relative inverse depth."""
        return np.asarray(self.stored(frame) * np.float32(self.meta["scale"][frame]), dtype=np.float32)


@register
class Depth(Layer):
    """By the engine that the project has chosen; there is no honest way without one."""

    name = "depth"
    title = "Depth"
    version = "2"
    outputs = (
        Output("depth/frame_*.png", "uint16 (height, width)", "millimetres, or relative inverse depth: see meta.json"),
        Output(META_FILE, "JSON", "what the numbers are, and the scale of each frame"),
    )
    needs = DepthEngine
    no_engine = (
        "No engine: depth from one picture needs a trained model, and none is chosen. No classical method gives it "
        "honestly. A manager chooses one in the project's settings, under Engines."
    )
    batch_frames = 32
    cost = 8
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """One 16-bit picture for each frame of the batch, and what its numbers mean."""
        engine = context.engine
        kinds: set[bool] = set()

        def estimate(model: DepthEngine, few: list[tuple[int, NDArray[np.uint8]]]) -> Sequence[Depths]:
            kinds.add(model.metric)
            return model.estimate([picture for _, picture in few], engine.parameters)

        scales = []
        for (number, _), depths in engine.over(context.frames.iterate(span.start, span.end), estimate):
            metric = True in kinds
            scale = 0.001 if metric else relative_scale(depths)
            _, png = cv2.imencode(".png", stored(depths, scale), [cv2.IMWRITE_PNG_COMPRESSION, 3])
            context.pieces.write(f"{number:03d}.png", png.tobytes())
            scales.append(scale)
            context.keep_going()
        context.pieces.write_json(_batch_of(span.index), {"metric": True in kinds, "scales": scales})

    def publish(self, context: Context) -> Product:
        """The pictures under their names, and a file that says what they are."""
        clip = context.clip
        batches = [context.pieces.read_json(_batch_of(span.index)) for span in self.spans(clip.frame_count)]
        kind = METRIC if all(batch["metric"] for batch in batches) else RELATIVE
        files = []
        for frame in range(clip.frame_count):
            files.append(context.pieces.publish(f"{frame:03d}.png", context.folder, file_of(frame)))
            context.keep_going()
        meta = {
            "count": clip.frame_count,
            "kind": kind,
            "units": _UNITS[kind],
            "scale_to": "metres" if kind == METRIC else "the engine's own numbers",
            "scale": [scale for batch in batches for scale in batch["scales"]],
            "size": [clip.height, clip.width],
            "dtype": "uint16",
            "engine": context.engine.name,
            "engine_version": context.engine.version,
        }
        files.append(context.folder.write(META_FILE, (json.dumps(meta, indent=1) + "\n").encode()))
        return Product(files)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> DepthReader:
        """Depth by frame number."""
        return DepthReader(folder)

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Near is warm, far is cold."""
        there = picture(folder, frame)
        # Depth that came from elsewhere, with the clip folder, need not say what it is: then it is millimetres.
        if not folder.has(META_FILE) or DepthReader(folder).metric:
            return depth_colours(there)
        # Relative depth is more where it is nearer; 0 is the farthest, and known.
        return depth_colours(np.maximum(MOST - there, 1).astype(np.uint16))


def file_of(frame: int) -> str:
    """The file with the depth of a frame."""
    return f"depth/frame_{frame:03d}.png"


def picture(folder: ClipFolder, frame: int) -> NDArray[np.uint16]:
    """(height, width) uint16 as it lies on disk; raises ValueError when that is no such picture."""
    there = cv2.imread(str(folder.local(file_of(frame))), cv2.IMREAD_UNCHANGED)
    if there is None or there.ndim != 2 or there.dtype != np.uint16:
        raise ValueError(f"The depth of frame {frame} is not a 16-bit picture of one channel.")
    return np.asarray(there, dtype=np.uint16)


def relative_scale(depths: Depths) -> float:
    """What one step of the stored numbers stands for, so that the largest of a frame just fits."""
    largest = float(depths.max(initial=0.0))
    return largest / MOST if largest > 0 else 1.0


def stored(depths: Depths, scale: float) -> NDArray[np.uint16]:
    """Depths as 16-bit steps of `scale`; what is not a number becomes 0, what is too far the largest step."""
    steps = np.nan_to_num(depths.astype(np.float64) / scale, nan=0.0, posinf=MOST, neginf=0.0)
    return np.clip(np.rint(steps), 0, MOST).astype(np.uint16)


def _batch_of(index: int) -> str:
    return f"batch_{index:05d}.json"
