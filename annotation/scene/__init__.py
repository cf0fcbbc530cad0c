"""The demo scene: a small renderer of a table top with blocks and a gripper that also knows everything it drew.

Imports no Django. `render` yields pictures with depth, instances and flow; `describe` gives the rest of the truth;
`write_video` makes the clip; `write_numbered_video` makes clips whose pictures say their own number; `faults` plants
errors in the truth.
"""

from annotation.scene.faults import (
    grasp_label_late,
    lift_label_on_descent,
    mask_on_wrong_object,
    mask_that_creeps,
    mask_too_wide,
    wrist_that_jumps,
    wrist_that_trembles,
)
from annotation.scene.numbered import draw_numbered_picture, read_frame_number, write_numbered_video
from annotation.scene.render import describe, render
from annotation.scene.spec import (
    ACTION,
    PHASES,
    GripperPose,
    SceneFrame,
    SceneObject,
    SceneSpec,
    SceneTruth,
    Segment,
)
from annotation.scene.video import write_video

__all__ = [
    "ACTION",
    "PHASES",
    "GripperPose",
    "SceneFrame",
    "SceneObject",
    "SceneSpec",
    "SceneTruth",
    "Segment",
    "describe",
    "draw_numbered_picture",
    "grasp_label_late",
    "lift_label_on_descent",
    "mask_on_wrong_object",
    "mask_that_creeps",
    "mask_too_wide",
    "read_frame_number",
    "render",
    "wrist_that_jumps",
    "wrist_that_trembles",
    "write_numbered_video",
    "write_video",
]
