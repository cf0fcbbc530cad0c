"""Pose in space [E2, E12]: keypoints in metres in the camera's coordinates, from pose, depth and lens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.artifacts import Artifact
from annotation.media.clip_folder import ClipFolder
from enrichment.engines import camera_space, joint_angles, keypoints
from enrichment.engines.camera_space import Lens
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers import pose_corrected
from enrichment.layers.depth import NO_LENGTH, DepthReader
from enrichment.lenses import Cameras, check_cameras, lens_of, unknown
from enrichment.pose_files import PoseReader
from enrichment.registry import register

FILE = "pose/pose_3d.npy"
ANGLES_FILE = "pose/joint_angles.npy"
META_FILE = "pose/pose_3d.json"
_PLACED: Final = "placed"
_ANGLES: Final = "angles"


@dataclass(frozen=True)
class Parameters:
    """cameras: {device: [fx, fy, cx, cy]} in pixels of the clip; "*" is for clips whose device is not named.

    least_confidence: keypoints less sure than this are not placed, 0-1.
    """

    cameras: Cameras = field(default_factory=dict)
    least_confidence: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what is no lens."""
        check_cameras(self.cameras)
        if not 0 <= float(self.least_confidence) <= 1:
            raise ValueError(f"least_confidence is {self.least_confidence}, but it must lie in 0 to 1.")


@dataclass(frozen=True)
class PlacedPose:
    """points: (people on frames, keypoints, 3) float32 metres. angles: (people on frames, angles) float32 degrees.

    nothing_because: why nothing is placed, in a sentence; empty where something can be.
    """

    points: NDArray[np.float32]
    angles: NDArray[np.float32]
    angle_names: tuple[str, ...]
    nothing_because: str = ""


@register
class Pose3D(Layer):
    """Back-projection through the lens. Without metric depth or a known lens nothing is placed, and the file says
    why.
    """

    name = "pose_3d"
    title = "Pose in space"
    version = "3"
    cost = 2
    inputs = ("depth", "pose_corrected")
    outputs = (
        Output(FILE, "float32 (people on frames, keypoints, 3)", "metres (x right, y down, z away); NaN: not known"),
        Output(
            ANGLES_FILE, "float32 (people on frames, angles)", "degrees between bones, 180 is straight; NaN: not known"
        ),
        Output(
            META_FILE, "JSON", "frame and track of each row, names, lens, and why nothing is placed where nothing is"
        ),
    )
    engine = "back-projection"
    engine_version = "1"
    Parameters = Parameters
    batch_frames = 600

    def compute(self, context: Context, span: Span) -> None:
        """Every keypoint of the batch's frames whose depth is known."""
        pose, depth = context.input("pose_corrected", PoseReader), context.input("depth", DepthReader)
        rows = span.among(frame for frame, _ in pose.rows)
        placed = np.full((len(rows), len(pose.names), 3), np.nan, dtype=np.float32)
        lens = lens_of(context.clip, context.parameters.cameras)
        if lens is not None and depth.metric:
            least = float(context.parameters.least_confidence)
            row = 0
            for frame in range(span.start, span.end):
                people = pose.people(frame)
                metres = depth.read(frame) if people else None
                for _, points in people:
                    if metres is not None:
                        placed[row] = camera_space.in_space(points, metres, lens, least)
                    row += 1
                context.keep_going()
        context.pieces.write_array(_piece(_PLACED, span), placed)
        context.pieces.write_array(_piece(_ANGLES, span), joint_angles.angles(placed, pose.names))

    def publish(self, context: Context) -> Product:
        """The arrays, and what they mean."""
        pose, depth = context.input("pose_corrected", PoseReader), context.input("depth", DepthReader)
        lens = lens_of(context.clip, context.parameters.cameras)
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
            "angles": {name: list(three) for name, three in joint_angles.known(pose.names).items()},
            "angle_units": "degrees between the bones from the middle one of three keypoints; 180 is straight",
            "lens": None if lens is None else {"fx": lens.fx, "fy": lens.fy, "cx": lens.cx, "cy": lens.cy},
            "nothing_because": reason(context.clip, lens, depth.metric, bool(pose.rows)),
        }
        return Product(
            [
                self._joined(context, _PLACED, FILE),
                self._joined(context, _ANGLES, ANGLES_FILE),
                context.folder.write(META_FILE, (json.dumps(meaning, indent=1) + "\n").encode()),
            ]
        )

    def _joined(self, context: Context, name: str, file: str) -> Artifact:
        """All batches' rows as one file."""
        spans = self.spans(context.clip.frame_count)
        context.pieces.join([_piece(name, span) for span in spans], f"{name}.npy")
        return context.pieces.publish(f"{name}.npy", context.folder, file)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> PlacedPose:
        """Everybody in space, in the order of the annotations of the pose."""
        meta = json.loads(folder.local(META_FILE).read_bytes())
        placed = _array(folder, FILE)
        why = str(meta.get("nothing_because", ""))
        if "angles" not in meta:  # of a version before there were any
            return PlacedPose(placed, np.zeros((len(placed), 0), np.float32), (), why)
        return PlacedPose(placed, _array(folder, ANGLES_FILE), tuple(meta["angles"]), why)


def _piece(name: str, span: Span) -> str:
    return f"{name}_{span.index:05d}.npy"


def _array(folder: ClipFolder, path: str) -> NDArray[np.float32]:
    """An array whose parts come from the disk as they are looked at."""
    return np.asarray(np.load(folder.local(path), mmap_mode="r", allow_pickle=False), dtype=np.float32)


def reason(clip: ClipFacts, lens: Lens | None, metric: bool, people: bool) -> str:
    """Why nothing is placed, in a sentence; empty when something can be."""
    if not people:
        return "Nobody was found on the clip."
    if not metric:
        return NO_LENGTH
    if lens is None:
        return unknown(clip)
    return ""
