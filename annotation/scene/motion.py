"""What moves and when: phases, gripper trajectory, and the block that rides in it.

Every move is a minimum-jerk curve (Flash and Hogan 1985), so the gripper starts and ends each phase at rest, and the
fingers close and open while it stands still.
"""

from dataclasses import dataclass

import numpy as np

from annotation.scene.layout import Layout
from annotation.scene.shapes import pose
from annotation.scene.spec import F64, PHASES, SceneSpec

OPEN, HALF_OPEN = 0.085, 0.05  # metres between the pads
HOVER = 0.1  # metres above the grasp before the fingers come down
CARRY = 0.16  # height of the pads while carrying
GRIP = np.pi / 2  # the hand stands across the block, so that a camera in front sees the block between the fingers
CYCLE_SECONDS = 7.0  # a longer clip carries the block there and back again instead of moving in slow motion

# Shares of a cycle; the unnamed parts are waiting, rising from the released block, and going home.
_PARTS = ("", *PHASES, "", "")
_SHARES = np.array([0.05, 0.16, 0.1, 0.07, 0.1, 0.19, 0.11, 0.07, 0.07, 0.08])


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pick and place. bounds: 11 frame numbers; part k is frames [bounds[k], bounds[k + 1])."""

    bounds: tuple[int, ...]
    outward: bool

    def phase(self, name: str) -> tuple[int, int]:
        """Frames [start, end) of a phase."""
        k = _PARTS.index(name)
        return self.bounds[k], self.bounds[k + 1]


@dataclass(frozen=True, slots=True)
class Motion:
    """The trajectories: position (frames, 3), yaw and opening (frames,), target (frames, 4): x, y, z, yaw."""

    cycles: tuple[Cycle, ...]
    position: F64
    yaw: F64
    opening: F64
    target: F64

    def target_pose(self, index: int) -> F64:
        """(4, 4) moved block to world in this frame."""
        return pose(self.target[index, :3], self.target[index, 3])


def minimum_jerk(s: F64) -> F64:
    """Share of the way covered at share s of the time; velocity and acceleration are zero at both ends."""
    return s**3 * (10 - 15 * s + 6 * s**2)


def plan_motion(spec: SceneSpec, layout: Layout) -> Motion:
    """Time the phases and trace the gripper through them."""
    rng = np.random.default_rng([spec.seed, 2])
    count = max(1, min(round(spec.frames / spec.fps / CYCLE_SECONDS), spec.frames // 16))
    edges = np.linspace(0, spec.frames, count + 1).round().astype(int)
    cycles = tuple(_time_cycle(int(edges[i]), int(edges[i + 1]), i % 2 == 0, rng) for i in range(count))
    home = np.array([layout.side * 0.1, 0.14, 0.2, GRIP, HALF_OPEN])
    path = np.zeros((spec.frames, 5))
    target = np.zeros((spec.frames, 4))
    for cycle in cycles:
        _trace_cycle(cycle, layout, home, path, target)
    return Motion(cycles, path[:, :3].copy(), path[:, 3].copy(), path[:, 4].copy(), target)


def _time_cycle(start: int, end: int, outward: bool, rng: np.random.Generator) -> Cycle:
    shares = _SHARES * rng.uniform(0.8, 1.2, len(_SHARES))
    spare = end - start - len(shares)
    lengths = 1 + np.floor(spare * shares / shares.sum()).astype(int)
    lengths[-1] += end - start - lengths.sum()
    return Cycle(tuple(int(b) for b in np.concatenate([[start], start + np.cumsum(lengths)])), outward)


def _trace_cycle(cycle: Cycle, layout: Layout, home: F64, path: F64, target: F64) -> None:
    block = layout.blocks[layout.target]
    on_table = np.array([block.x, block.y, block.half[2], block.yaw])
    goal = np.array(
        [layout.destination[0], layout.destination[1], layout.rest_height + block.half[2], layout.destination[2]]
    )
    source, sink = (on_table, goal) if cycle.outward else (goal, on_table)

    def above(place: F64, height: float, opening: float) -> F64:
        return np.array([place[0], place[1], height, place[3] + GRIP, opening])

    held = 2 * block.half[0]
    stops = [
        home,
        home,
        above(source, source[2] + HOVER, OPEN),
        above(source, source[2], OPEN),
        above(source, source[2], held),
        above(source, CARRY, held),
        above(sink, CARRY, held),
        above(sink, sink[2], held),
        above(sink, sink[2], OPEN),
        above(sink, sink[2] + HOVER, OPEN),
        home,
    ]
    for k, (first, last) in enumerate(zip(cycle.bounds[:-1], cycle.bounds[1:], strict=True)):
        share = minimum_jerk(np.arange(last - first) / (last - first))
        path[first:last] = stops[k] + share[:, None] * (stops[k + 1] - stops[k])
    lifted, let_go = cycle.phase("lift")[0], cycle.phase("release")[0]
    target[cycle.bounds[0] : lifted] = source
    target[lifted:let_go] = path[lifted:let_go, :4] - [0.0, 0.0, 0.0, GRIP]
    target[let_go : cycle.bounds[-1]] = sink
