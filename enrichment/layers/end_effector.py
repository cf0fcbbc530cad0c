"""Where hands and grippers are, frame by frame, in the camera's coordinates [E2, E12]: from masks, depth and lens."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.artifacts import Artifact
from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.engines import effector_tip
from enrichment.engines.camera_space import Lens
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers.depth import DepthReader
from enrichment.lenses import Cameras, check_cameras, lens_of, unknown
from enrichment.registry import register

FILE = "pose/end_effector.npy"
PIXELS_FILE = "pose/end_effector_px.npy"
META_FILE = "pose/end_effector.json"
_PLACED, _PIXELS = "placed", "pixels"
METRIC, DIRECTION, NOTHING = "metric", "direction", "nothing"
# Words in a label's key that say that it is what touches things.
WORDS: Final = frozenset({"gripper", "hand", "effector", "claw", "finger", "fingers", "tool"})
ARMS: Final = frozenset({"arm", "forearm"})
UNITS: Final = {
    METRIC: "metres",
    DIRECTION: "none: unit vectors from the camera. The depth is relative, so where along its ray the point lies is "
    "not known: each frame's position is known up to a scale of its own",
    NOTHING: "none: all NaN",
}


@dataclass(frozen=True)
class Parameters:
    """labels: of the project. end_effectors: those that touch things; when empty, labels with such a word in their key.

    cameras: {device: [fx, fy, cx, cy]} in pixels of the clip, as pose_3d has them unless they are set here; "*" is for
    clips whose device is not named.
    """

    labels: Sequence[str] = ()
    end_effectors: Sequence[str] = ()
    cameras: Cameras = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no lens."""
        check_cameras(self.cameras)


@register
class EndEffector(Layer):
    """A point for each mask track of a hand or gripper, as far as depth and lens allow; the file says how far."""

    name = "end_effector"
    title = "End effector in space"
    cost = 2
    inputs = ("depth", "segmentation")
    outputs = (
        Output(
            FILE,
            "float32 (tracks, frames, 3)",
            "metres (x right, y down, z away), or what the JSON says; NaN: not known",
        ),
        Output(PIXELS_FILE, "float32 (tracks, frames, 2)", "pixels (x, y) of the point that touches; NaN: no mask"),
        Output(META_FILE, "JSON", "tracks with labels, what the numbers are, lens, and why nothing is placed"),
    )
    engine = "mask-tip"
    engine_version = "1"
    Parameters = Parameters
    from_project = {"labels": "label_keys"}
    as_set_for = {"cameras": "pose_3d"}  # one camera has one lens
    batch_frames = 3000

    def compute(self, context: Context, span: Span) -> None:
        """Every track on the batch's frames; nothing is smoothed and no gap is filled."""
        masks, depth = context.input("segmentation", MaskTracks), context.input("depth", DepthReader)
        lens = lens_of(context.clip, context.parameters.cameras)
        tracks = chosen(masks, context.parameters)
        arms = [number for number, label in masks.labels.items() if ARMS & _words(label)]
        pixels = np.full((len(tracks), span.end - span.start, 2), np.nan, dtype=np.float32)
        placed = np.full((*pixels.shape[:2], 3), np.nan, dtype=np.float32)
        for frame in range(span.start, span.end) if tracks else ():
            there = masks.masks(frame)
            metres = depth.read(frame) if lens is not None and depth.metric and there.keys() & set(tracks) else None
            for row, number in enumerate(tracks):
                if number in there:
                    arm = _together([there[each] for each in arms if each in there])
                    at = row, frame - span.start
                    pixels[at], placed[at] = _placed(there[number] > 0, arm, metres, lens)
            context.keep_going()
        context.pieces.write_array(_piece(_PIXELS, span), pixels)
        context.pieces.write_array(_piece(_PLACED, span), placed)

    def publish(self, context: Context) -> Product:
        """The arrays, and what they mean."""
        masks, depth = context.input("segmentation", MaskTracks), context.input("depth", DepthReader)
        lens = lens_of(context.clip, context.parameters.cameras)
        tracks = chosen(masks, context.parameters)
        kind = NOTHING if lens is None or not tracks else METRIC if depth.metric else DIRECTION
        meaning = {
            "axes": ["track", "frame", "x right, y down, z away from the camera"],
            "tracks": [{"number": number, "label": masks.labels[number]} for number in tracks],
            "point": "the middle of the part of the mask that is farthest from the arm",
            "kind": kind,
            "units": UNITS[kind],
            "dtype": "float32",
            "smoothing": "none; NaN where there is no mask, or no depth under it",
            "lens": None if lens is None else {"fx": lens.fx, "fy": lens.fy, "cx": lens.cx, "cy": lens.cy},
            "nothing_because": reason(context.clip, lens, depth.metric, bool(tracks)),
        }
        return Product(
            [
                self._joined(context, _PLACED, FILE),
                self._joined(context, _PIXELS, PIXELS_FILE),
                context.folder.write(META_FILE, (json.dumps(meaning, indent=1) + "\n").encode()),
            ]
        )

    def _joined(self, context: Context, name: str, file: str) -> Artifact:
        """All batches' frames as one file."""
        spans = self.spans(context.clip.frame_count)
        whole = np.concatenate([context.pieces.read_array(_piece(name, span)) for span in spans], axis=1)
        context.pieces.write_array(f"{name}.npy", whole)
        return context.pieces.publish(f"{name}.npy", context.folder, file)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> NDArray[np.float32]:
        """(tracks, frames, 3) float32, as the JSON beside it says."""
        with folder.local(FILE).open("rb") as file:
            return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)


def chosen(masks: MaskTracks, parameters: Parameters) -> list[int]:
    """Numbers of the tracks that are hands or grippers, ascending."""
    wanted = set(parameters.end_effectors) or {label for label in parameters.labels if WORDS & _words(label)}
    return sorted(number for number, label in masks.labels.items() if label in wanted)


def reason(clip: ClipFacts, lens: Lens | None, metric: bool, tracks: bool) -> str:
    """Why there are no metres, in a sentence; empty when there are."""
    if not tracks:
        return "No mask track has a label of a hand or gripper; name them with end_effectors of this layer."
    if lens is None:
        return unknown(clip)
    if not metric:
        return (
            "The depth is relative, and no length can be read from it: what is given are directions from the camera, "
            "positions up to a scale that differs from frame to frame. Choose depth weights that give metres."
        )
    return ""


def _placed(
    mask: NDArray[np.bool_], arm: NDArray[np.bool_] | None, metres: NDArray[np.float32] | None, lens: Lens | None
) -> tuple[Any, Any]:
    """Pixels and position of one mask's tip, NaN as far as they are not known."""
    tip = effector_tip.find(mask, arm)
    if tip is None:
        return np.nan, np.nan
    if lens is None:
        return tip.at, np.nan
    if metres is None:
        return tip.at, effector_tip.direction(tip.at, lens)
    z = effector_tip.distance(tip, metres)
    return tip.at, np.nan if z is None else effector_tip.in_space(tip.at, z, lens)


def _together(masks: Sequence[NDArray[np.uint8]]) -> NDArray[np.bool_] | None:
    return np.any(np.stack(masks) > 0, axis=0) if masks else None


def _piece(name: str, span: Span) -> str:
    return f"{name}_{span.index:05d}.npy"


def _words(label: str) -> set[str]:
    return set(re.split(r"[^a-z]+", label.lower()))
