"""What goes into the demo scene and what comes out of it, as frozen dataclasses.

World: metres, x right, y away from the camera, z up; the table top is z = 0. Camera: x right, y down, z forward.
Pixels: (x, y) with the origin in the top left corner; integer coordinates are the centres of pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]

PHASES = ("approach", "pre-grasp", "grasp", "lift", "transport", "place", "release")
ACTION = "pick_and_place"
MIN_FRAMES = 16
MAX_OBJECTS = 8


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What to render; the same values give the same pictures and the same truth.

    seed changes layout, colours, textures, light, timing and which block is moved. noise is the standard deviation of
    the camera noise in grey levels at mid grey. camera_motion is the amplitude of a slow egocentric sway in metres;
    0 is a camera on a stand. objects counts the blocks, the moved one included.

    Raises ValueError when a value cannot be rendered.
    """

    seed: int = 0
    frames: int = 150
    width: int = 640
    height: int = 480
    fps: float = 30.0
    noise: float = 1.5
    objects: int = 4
    camera_motion: float = 0.0

    def __post_init__(self) -> None:
        if self.frames < MIN_FRAMES:
            raise ValueError(
                f"{self.frames} frames cannot hold the seven phases of a pick and place; ask for {MIN_FRAMES} or more."
            )
        if self.width < 16 or self.height < 16:
            raise ValueError(f"A scene of {self.width}x{self.height} pixels is too small; ask for 16x16 or more.")
        if not 1 <= self.objects <= MAX_OBJECTS:
            raise ValueError(
                f"{self.objects} blocks do not fit on the table apart from each other; ask for 1 to {MAX_OBJECTS}."
            )
        if self.fps <= 0 or self.noise < 0:
            raise ValueError(f"fps must be above 0 and noise not below 0, but they are {self.fps} and {self.noise}.")
        if not 0 <= self.camera_motion <= 0.1:
            raise ValueError(f"camera_motion is an amplitude from 0 to 0.1 m, but it is {self.camera_motion}.")


@dataclass(frozen=True, slots=True)
class GripperPose:
    """Where the gripper is in one frame.

    position: (3,) float64, metres, the point between the finger pads. yaw: radians about the vertical. opening: metres
    between the pads. wrist_px: (2,) float64, pixel (x, y) of the wrist joint. fingertips_px: (2, 2) float64, one row
    (x, y) per finger. Pixels may lie outside the picture.
    """

    position: F64
    yaw: float
    opening: float
    wrist_px: F64
    fingertips_px: F64


@dataclass(frozen=True, slots=True)
class SceneFrame:
    """One rendered frame with everything that is true of it; arrays are (height, width, ...).

    image: uint8 RGB. depth: float32 metres along the optical axis. instances: uint8 instance ids, 0 is the wall.
    flow: float32 (height, width, 2), pixels (dx, dy) from this frame to the next, zeros in the last frame.
    flow_valid: bool, the surface point under this pixel is inside the next picture and not covered there; all False in
    the last frame.
    """

    index: int
    time: float
    image: U8
    depth: F32
    instances: U8
    flow: F32
    flow_valid: Bools
    gripper: GripperPose


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A thing in the scene: its id in the instance maps, its label in the starter taxonomy, its colour and name."""

    instance: int
    label: str
    colour: str
    name: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames [start, end) in which the gripper does one thing with one object.

    phase is one of PHASES, or None for the segment of the whole task. instructions are three different sentences.
    """

    start: int
    end: int
    action: str
    phase: str | None
    instance: int
    instructions: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """Everything that is known of a scene without rendering it.

    tasks: one segment per pick and place. segments: the phases of every task, in order and without a gap.
    intrinsics: fx, fy, cx, cy in pixels. world_to_camera: (frames, 4, 4). gripper_position: (frames, 3) metres.
    gripper_yaw, gripper_opening: (frames,). wrist_px: (frames, 2). fingertips_px: (frames, 2, 2). object_poses: per
    block instance (frames, 4, 4), block to world. All float64.
    """

    spec: SceneSpec
    objects: tuple[SceneObject, ...]
    tasks: tuple[Segment, ...]
    segments: tuple[Segment, ...]
    intrinsics: tuple[float, float, float, float]
    world_to_camera: F64
    gripper_position: F64
    gripper_yaw: F64
    gripper_opening: F64
    wrist_px: F64
    fingertips_px: F64
    object_poses: Mapping[int, F64]

    def with_label(self, label: str) -> tuple[SceneObject, ...]:
        """The objects that carry this label, in the order of their instance ids."""
        return tuple(thing for thing in self.objects if thing.label == label)
