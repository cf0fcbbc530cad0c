"""Pose in space [E2, E12]: keypoints in metres in the camera's coordinates, from pose, depth and lens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines import camera_space, keypoints
from enrichment.engines.camera_space import Lens
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers import pose_corrected
from enrichment.layers.depth import DepthReader
from enrichment.layers.pose import PoseReader
from enrichment.registry import register

FILE = "pose/pose_3d.npy"
META_FILE = "pose/pose_3d.json"
_PLACED: Final = "placed.npy"
ANY: Final = "*"


@dataclass(frozen=True)
class Parameters:
    """cameras: {device: [fx, fy, cx, cy]} in pixels of the clip; "*" is for clips whose device is not named.

    least_confidence: keypoints less sure than this are not placed, 0-1.
    """

    cameras: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)
    least_confidence: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what is no lens."""
        for device, lens in self.cameras.items():
            numbers = list(lens) if isinstance(lens, list | tuple) else []
            if len(numbers) != 4 or not all(isinstance(each, int | float) for each in numbers) or min(numbers[:2]) <= 0:
                raise ValueError(f"the camera {device!r} is {lens!r}, but it must be [fx, fy, cx, cy] in pixels.")
        if not 0 <= float(self.least_confidence) <= 1:
            raise ValueError(f"least_confidence is {self.least_confidence}, but it must lie in 0 to 1.")


@register
class Pose3D(Layer):
    """Back-projection through the lens. Without metric depth or a known lens nothing is placed, and the file says
    why.
    """

    name = "pose_3d"
    title = "Pose in space"
    version = "2"
    cost = 2
    inputs = ("depth", "pose_corrected")
    outputs = (
        Output(FILE, "float32 (people on frames, keypoints, 3)", "metres (x right, y down, z away); NaN: not known"),
        Output(
            META_FILE, "JSON", "frame and track of each row, names, lens, and why nothing is placed where nothing is"
        ),
    )
    engine = "back-projection"
    engine_version = "1"
    Parameters = Parameters

    def compute(self, context: Context, span: Span) -> None:
        """Every keypoint whose depth is known."""
        pose, depth = context.input("pose_corrected", PoseReader), context.input("depth", DepthReader)
        placed = np.full((len(pose.rows), len(pose.names), 3), np.nan, dtype=np.float32)
        lens = lens_of(context.clip, context.parameters)
        if lens is not None and depth.metric:
            least = float(context.parameters.least_confidence)
            row = 0
            for frame in range(context.clip.frame_count):
                people = pose.people(frame)
                metres = depth.read(frame) if people else None
                for _, points in people:
                    if metres is not None:
                        placed[row] = camera_space.in_space(points, metres, lens, least)
                    row += 1
                context.keep_going()
        context.pieces.write_array(_PLACED, placed)

    def publish(self, context: Context) -> Product:
        """The array, and what it means."""
        pose, depth = context.input("pose_corrected", PoseReader), context.input("depth", DepthReader)
        lens = lens_of(context.clip, context.parameters)
        hands = {name: at for name, at in keypoints.HANDS.items() if at < len(pose.names) and pose.names[at] == name}
        rows = f"annotation of {pose_corrected.file_that_counts(context.folder)}"
        meaning = {
            "axes": [rows, "keypoint", "x right, y down, z away from the camera"],
            "frames": [frame for frame, _ in pose.rows],
            "tracks": [track for _, track in pose.rows],
            "units": "metres",
            "dtype": "float32",
            "keypoints": pose.names,
            "hands": hands,
            "lens": None if lens is None else {"fx": lens.fx, "fy": lens.fy, "cx": lens.cx, "cy": lens.cy},
            "nothing_because": reason(context.clip, lens, depth.metric, bool(pose.rows)),
        }
        return Product(
            [
                context.pieces.publish(_PLACED, context.folder, FILE),
                context.folder.write(META_FILE, (json.dumps(meaning, indent=1) + "\n").encode()),
            ]
        )

    def open(self, folder: ClipFolder, clip: ClipFacts) -> NDArray[np.float32]:
        """(people on frames, keypoints, 3) float32 metres, in the order of the annotations of the pose."""
        with folder.local(FILE).open("rb") as file:
            return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)


def lens_of(clip: ClipFacts, parameters: Parameters) -> Lens | None:
    """The lens of the clip's device as the project has set it; None when it is not known."""
    device = str(clip.about.get("device") or "")
    numbers = parameters.cameras.get(device) if device else None
    numbers = numbers or parameters.cameras.get(ANY)
    return None if numbers is None else Lens(*(float(each) for each in numbers))


def reason(clip: ClipFacts, lens: Lens | None, metric: bool, people: bool) -> str:
    """Why nothing is placed, in a sentence; empty when something can be."""
    if not people:
        return "Nobody was found on the clip."
    if not metric:
        return "The depth is relative, and no length can be read from it; choose weights that give metres."
    if lens is None:
        device = str(clip.about.get("device") or "")
        named = f"the device {device!r}" if device else "clips without a named device"
        return f"No lens is known for {named}; set cameras of this layer to {{device: [fx, fy, cx, cy]}} in pixels."
    return ""
