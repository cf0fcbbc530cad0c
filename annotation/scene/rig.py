"""The scene as a list of rigid parts, each a shape with a skin, and where every part is in every frame."""

from dataclasses import dataclass

import numpy as np

from annotation.scene import textures
from annotation.scene.layout import COLOURS, TRAY_COLOURS, TRAY_FLOOR, TRAY_HALF, TRAY_HEIGHT, TRAY_WALL, Block, Layout
from annotation.scene.motion import Motion
from annotation.scene.shapes import Box, Capsule, Shape, pose
from annotation.scene.spec import F32, F64

WALL, TABLE = 0, 1  # instance ids and part numbers of the two planes
FIRST_BLOCK = 2

FINGER_HALF = (0.009, 0.0055, 0.036)
TIP_BELOW = 0.01  # the fingers reach this far below the point between the pads
PALM_ABOVE = 0.075
WRIST_ABOVE = 0.17
SHOULDER = 0.24
LINK = 0.45


@dataclass(frozen=True, slots=True)
class Part:
    """A rigid piece. skin: one texture for a capsule, or three for a box, by axis (x, y, z) of the face."""

    shape: Shape
    instance: int
    skin: tuple[F32, ...]
    gloss: float
    moves: bool


@dataclass(frozen=True, slots=True)
class Rig:
    """All parts but the planes, and the ids of the things they belong to."""

    parts: tuple[Part, ...]
    layout: Layout
    motion: Motion
    tray: int
    arm: int
    gripper: int

    def poses(self, index: int) -> list[F64]:
        """(4, 4) part to world for every part, in the order of parts."""
        blocks = [block_pose(self.layout, self.motion, i, index) for i in range(len(self.layout.blocks))]
        tray = pose((*self.layout.tray[:2], 0.0), self.layout.tray[2])
        return [*blocks, *(tray @ offset for _, offset in _tray_walls()), *self._robot(index)]

    def _robot(self, index: int) -> list[F64]:
        position, yaw, opening = self.motion.position[index], self.motion.yaw[index], self.motion.opening[index]
        hand = pose(position, yaw)
        reach = opening / 2 + FINGER_HALF[1]
        lift = FINGER_HALF[2] - TIP_BELOW
        fingers = [hand @ pose((0.0, side * reach, lift)) for side in (-1.0, 1.0)]
        palm = hand @ pose((0.0, 0.0, PALM_ABOVE))
        upright = pose((0.0, 0.0, 0.0), 0.0, np.pi / 2)
        coupling = hand @ pose((0.0, 0.0, PALM_ABOVE + 0.03)) @ upright
        return [*fingers, palm, coupling, *arm_poses(self.layout, position + np.array([0.0, 0.0, WRIST_ABOVE]), yaw)]


def arm_poses(layout: Layout, wrist: F64, yaw: float) -> list[F64]:
    """Poses of wrist joint, forearm, elbow, upper arm, shoulder, pedestal: two links in a vertical plane, elbow up."""
    base = np.array([layout.side * 0.32, 0.4, 0.0])
    shoulder = base + np.array([0.0, 0.0, SHOULDER])
    across = wrist - shoulder
    turn = np.arctan2(across[1], across[0])
    flat, rise = float(np.hypot(across[0], across[1])), float(across[2])
    reach = min(float(np.hypot(flat, rise)), 2 * LINK)
    first = np.arctan2(rise, flat) + np.arccos(reach / (2 * LINK))
    elbow = shoulder + LINK * np.array([np.cos(turn) * np.cos(first), np.sin(turn) * np.cos(first), np.sin(first)])
    down = wrist - elbow
    second = np.arctan2(down[2], np.cos(turn) * down[0] + np.sin(turn) * down[1])
    return [
        pose(wrist, yaw),
        pose(elbow, turn, second),
        pose(elbow, turn),
        pose(shoulder, turn, first),
        pose(shoulder, turn),
        pose(base, 0.0, np.pi / 2),
    ]


def block_pose(layout: Layout, motion: Motion, block: int, index: int) -> F64:
    """(4, 4) block to world; only the target moves."""
    if block == layout.target:
        return motion.target_pose(index)
    thing = layout.blocks[block]
    return pose((thing.x, thing.y, thing.half[2]), thing.yaw)


def build_rig(layout: Layout, motion: Motion, seed: int, pixels_per_metre: float) -> Rig:
    """Make the parts and paint them; textures get about as many pixels as the camera can see."""
    rng = np.random.default_rng([seed, 3])
    tray = FIRST_BLOCK + len(layout.blocks)
    parts = [
        Part(Box(b.half), FIRST_BLOCK + i, _paint_block(rng, b, pixels_per_metre), 0.12, i == layout.target)
        for i, b in enumerate(layout.blocks)
    ]
    colour = TRAY_COLOURS[layout.tray_colour]
    for box, _ in _tray_walls():
        skin = tuple(textures.plain(rng, (24, 48), colour, 0.06) for _ in range(3))
        parts.append(Part(box, tray, skin, 0.15, False))
    parts += _robot_parts(rng, tray + 1, tray + 2)
    return Rig(tuple(parts), layout, motion, tray, tray + 1, tray + 2)


def _tray_walls() -> list[tuple[Box, F64]]:
    (hx, hy), thin, up = TRAY_HALF, TRAY_WALL / 2, TRAY_HEIGHT / 2
    walls = [(Box((hx, hy, TRAY_FLOOR / 2), 0.001), pose((0.0, 0.0, TRAY_FLOOR / 2)))]
    for side in (-1.0, 1.0):
        walls.append((Box((thin, hy, up)), pose((side * (hx - thin), 0.0, up))))
        walls.append((Box((hx, thin, up)), pose((0.0, side * (hy - thin), up))))
    return walls


def _paint_block(rng: np.random.Generator, block: Block, pixels_per_metre: float) -> tuple[F32, ...]:
    patterns = list(rng.permutation(["stripes", "dots", "checks"]))
    scale = 2 * pixels_per_metre * 1.2
    hx, hy, hz = block.half
    faces = []
    for (across, down), pattern in zip(
        [(hy, hz), (hx, hz), (hx, hy)], [patterns[0], "letter", patterns[1]], strict=True
    ):
        size = (max(4, round(down * scale)), max(4, round(across * scale)))
        faces.append(textures.block_face(rng, size, COLOURS[block.colour], block.letter, str(pattern)))
    return tuple(faces)


def _robot_parts(rng: np.random.Generator, arm: int, gripper: int) -> list[Part]:
    shell, graphite, rubber = (214, 216, 220), (66, 70, 78), (34, 36, 40)
    accent = [(224, 122, 40), (44, 128, 196), (92, 170, 84)][int(rng.integers(3))]

    def rod(length: float, radius: float, instance: int, skin: F32, gloss: float) -> Part:
        return Part(Capsule(length, radius), instance, (skin,), gloss, True)

    def box(half: tuple[float, float, float], instance: int, skin: tuple[F32, ...]) -> Part:
        return Part(Box(half, 0.003), instance, skin, 0.5, True)

    finger = textures.plain(rng, (72, 24), (150, 154, 160), 0.05)
    finger[-26:] = textures.plain(rng, (26, 24), rubber, 0.1)
    finger[-30:-26] = textures.linear(accent)
    palm = textures.plain(rng, (32, 96), graphite, 0.05)
    palm[12:17] = textures.linear(accent)
    joint = textures.plain(rng, (48, 48), graphite, 0.06)
    return [
        box(FINGER_HALF, gripper, (finger, finger, finger)),
        box(FINGER_HALF, gripper, (finger, finger, finger)),
        box((0.027, 0.062, 0.019), gripper, (palm, palm, palm)),
        rod(0.05, 0.024, arm, textures.banded(rng, (64, 64), shell, accent, 0.45, 0.12), 0.4),
        rod(0.0, 0.038, arm, joint, 0.5),
        rod(LINK, 0.03, arm, textures.banded(rng, (64, 256), shell, accent, 0.82, 0.035), 0.4),
        rod(0.0, 0.044, arm, joint, 0.5),
        rod(LINK, 0.036, arm, textures.banded(rng, (64, 256), shell, graphite, 0.12, 0.05), 0.4),
        rod(0.0, 0.056, arm, joint, 0.5),
        rod(SHOULDER, 0.05, arm, textures.banded(rng, (64, 128), shell, accent, 0.5, 0.05), 0.4),
    ]
