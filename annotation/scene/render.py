"""The stage: everything the spec stands for, put together; pictures and truth are read from it."""

from collections.abc import Iterator

import numpy as np

from annotation.scene import camera, textures
from annotation.scene.flow import flow_between
from annotation.scene.instructions import write_instructions
from annotation.scene.layout import COLOURS, Layout, draw_layout
from annotation.scene.light import Lens, Sun, contact, expose, look_up_contact, outlines
from annotation.scene.motion import Cycle, plan_motion
from annotation.scene.raster import FIRST_PART, Buffer, View, draw_part, draw_planes, smooth_table
from annotation.scene.rig import FINGER_HALF, FIRST_BLOCK, TABLE, TIP_BELOW, WRIST_ABOVE, block_pose, build_rig
from annotation.scene.spec import (
    ACTION,
    F32,
    F64,
    PHASES,
    U8,
    Bools,
    GripperPose,
    SceneFrame,
    SceneObject,
    SceneSpec,
    SceneTruth,
    Segment,
)

TEXTURE_METRES = 1.6  # extent of the table's and the wall's texture
_WOODS = ((206, 168, 122), (186, 138, 92), (222, 196, 156), (150, 106, 74))
_WALLS = ((208, 204, 192), (176, 192, 198), (196, 206, 186), (212, 190, 170), (150, 160, 172))


def render(spec: SceneSpec) -> Iterator[SceneFrame]:
    """Yield every frame with its exact truth, in order; holds two frames in memory however long the scene is."""
    stage = _Stage(spec)
    truth = describe(spec)
    now = stage.cast(0)
    for index in range(spec.frames):
        after = stage.cast(index + 1) if index + 1 < spec.frames else None
        flow: F32
        valid: Bools
        if after is None:
            flow = np.zeros((spec.height, spec.width, 2), dtype=np.float32)
            valid = np.zeros((spec.height, spec.width), dtype=np.bool_)
        else:
            flow, valid = flow_between(now, after)
        buffer = now[0]
        yield SceneFrame(
            index=index,
            time=index / spec.fps,
            image=stage.photograph(index, now),
            depth=buffer.depth,
            instances=stage.instance_of_part[buffer.part],
            flow=flow,
            flow_valid=valid,
            gripper=GripperPose(
                truth.gripper_position[index],
                float(truth.gripper_yaw[index]),
                float(truth.gripper_opening[index]),
                truth.wrist_px[index],
                truth.fingertips_px[index],
            ),
        )
        if after is not None:
            now = after


def describe(spec: SceneSpec) -> SceneTruth:
    """Everything known of the scene without rendering it."""
    layout = draw_layout(spec)
    motion = plan_motion(spec, layout)
    lens, cameras = camera.intrinsics(spec), camera.world_to_camera(spec, layout)
    side = np.stack([-np.sin(motion.yaw), np.cos(motion.yaw), np.zeros(spec.frames)], axis=-1)
    reach = (motion.opening / 2 + FINGER_HALF[1])[:, None] * side
    tips = motion.position[:, None] + np.stack([-reach, reach], axis=1) - [0.0, 0.0, TIP_BELOW]
    points = np.concatenate([motion.position[:, None] + [0.0, 0.0, WRIST_ABOVE], tips], axis=1)
    pixels = np.stack([View((1, 1), lens, cameras[i]).project(points[i])[0] for i in range(spec.frames)])
    tasks, segments = [], []
    for cycle in motion.cycles:
        tasks.append(_segment(layout, cycle, None))
        segments += [_segment(layout, cycle, phase) for phase in PHASES]
    return SceneTruth(
        spec=spec,
        objects=_list_objects(layout),
        tasks=tuple(tasks),
        segments=tuple(segments),
        intrinsics=lens,
        world_to_camera=cameras,
        gripper_position=motion.position,
        gripper_yaw=motion.yaw,
        gripper_opening=motion.opening,
        wrist_px=pixels[:, 0],
        fingertips_px=pixels[:, 1:],
        object_poses={
            FIRST_BLOCK + k: np.stack([block_pose(layout, motion, k, i) for i in range(spec.frames)])
            for k in range(len(layout.blocks))
        },
    )


def _list_objects(layout: Layout) -> tuple[SceneObject, ...]:
    things = [SceneObject(0, "background", "", "wall"), SceneObject(TABLE, "support_surface", "wooden", "wooden table")]
    for k, block in enumerate(layout.blocks):
        label = "target_object" if k == layout.target else "obstacle_rigid"
        things.append(SceneObject(FIRST_BLOCK + k, label, block.colour, f"{block.colour} {block.noun}"))
    after = FIRST_BLOCK + len(layout.blocks)
    things.append(SceneObject(after, "container", layout.tray_colour, f"{layout.tray_colour} tray"))
    things.append(SceneObject(after + 1, "robot_arm", "white", "robot arm"))
    things.append(SceneObject(after + 2, "gripper", "grey", "gripper"))
    return tuple(things)


def _segment(layout: Layout, cycle: Cycle, phase: str | None) -> Segment:
    block = layout.blocks[layout.target]
    start, end = cycle.phase(phase) if phase else (cycle.phase(PHASES[0])[0], cycle.phase(PHASES[-1])[1])
    places = [("table", "onto"), (f"{layout.tray_colour} tray", "into") if layout.into_tray else ("round mark", "onto")]
    origin, (goal, onto) = (places[0][0], places[1]) if cycle.outward else (places[1][0], places[0])
    sentences = write_instructions(phase, it=f"{block.colour} {block.noun}", origin=origin, goal=goal, onto=onto)
    return Segment(start, end, ACTION, phase, FIRST_BLOCK + layout.target, sentences)


Cast = tuple[Buffer, View, list[F64]]


class _Stage:
    """Layout, motion, textures and light of one spec, with all that never moves cast once."""

    def __init__(self, spec: SceneSpec) -> None:
        self._spec = spec
        self._layout = draw_layout(spec)
        motion = plan_motion(spec, self._layout)
        self._lens_numbers = camera.intrinsics(spec)
        scale = min(self._lens_numbers[0] / 0.85, 2400.0)
        self._rig = build_rig(self._layout, motion, spec.seed, scale)
        rng = np.random.default_rng([spec.seed, 6])
        size = max(32, round(TEXTURE_METRES * scale * 1.15))
        self._table, self._wall = _paint_room(rng, size, self._layout)
        self._smooth = smooth_table(self._table)
        self._warmth = np.array([1.0, rng.uniform(0.92, 0.98), rng.uniform(0.8, 0.92)], dtype=np.float32)
        self._warmth *= np.float32(rng.uniform(0.84, 0.98))
        self._cameras = camera.world_to_camera(spec, self._layout)
        self._sun = Sun(self._layout.light)
        self._lens = Lens((spec.height, spec.width), spec.noise, spec.seed)
        parts = self._rig.parts
        self._moving = [i for i, part in enumerate(parts) if part.moves]
        self._resting = [i for i, part in enumerate(parts) if not part.moves]
        first = self._rig.poses(0)
        self._sun.stand([(parts[i], first[i]) for i in self._resting])
        ids = [0, TABLE, *(part.instance for part in parts)]
        self.instance_of_part = np.array(ids, dtype=np.uint8)
        self._view = self._look(0)
        self._backdrop = self._draw_backdrop(self._view, first)

    def _look(self, index: int) -> View:
        return View((self._spec.height, self._spec.width), self._lens_numbers, self._cameras[index])

    def _draw_backdrop(self, view: View, poses: list[F64]) -> Buffer:
        buffer = draw_planes(view, self._table, self._smooth, self._wall, TEXTURE_METRES, self._sun.towards)
        for i in self._resting:
            draw_part(buffer, view, self._rig.parts[i], poses[i], FIRST_PART + i, self._sun.towards)
        return buffer

    def cast(self, index: int) -> Cast:
        """What every pixel of a frame sees, not yet lit."""
        poses = self._rig.poses(index)
        if self._spec.camera_motion:
            view = self._look(index)
            buffer = self._draw_backdrop(view, poses)
        else:
            view, buffer = self._view, self._backdrop.copy()
        for i in self._moving:
            draw_part(buffer, view, self._rig.parts[i], poses[i], FIRST_PART + i, self._sun.towards)
        return buffer, view, poses

    def photograph(self, index: int, cast: Cast) -> U8:
        """The picture of a frame that was cast."""
        buffer, view, poses = cast
        lit = self._sun.shade(buffer, view, [(self._rig.parts[i], poses[i]) for i in self._moving])
        near = contact(list(zip(self._layout.blocks, poses, strict=False)))
        sky = np.where(buffer.part == TABLE, look_up_contact(near, buffer, view), np.float32(1))
        picture = expose(buffer, self._sun.towards, lit, sky, self._warmth)
        return self._lens.photograph(picture, outlines(buffer), index)


def _paint_room(rng: np.random.Generator, size: int, layout: Layout) -> tuple[F32, F32]:
    extent = (TEXTURE_METRES, TEXTURE_METRES)
    table = textures.wood(rng, (size, size), extent, _WOODS[int(rng.integers(len(_WOODS)))])
    paint = textures.tiles if rng.random() < 0.5 else textures.plaster
    wall = paint(rng, (size, size), extent, _WALLS[int(rng.integers(len(_WALLS)))])
    if not layout.into_tray:
        metres = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(TEXTURE_METRES / size) - np.float32(
            TEXTURE_METRES / 2
        )
        away = np.hypot(metres[None, :] - layout.destination[0], -metres[:, None] - layout.destination[1])
        ring = (away < 0.058) & ((away > 0.05) | (away < 0.004))
        table[ring] = table[ring] * 0.3 + 0.7 * textures.linear(COLOURS["white"])
    return table, wall
