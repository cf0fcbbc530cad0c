"""Where everything stands at the start: blocks, tray, destination, light, camera, all drawn from the seed."""

from dataclasses import dataclass

import numpy as np

from annotation.scene.spec import SceneSpec

# sRGB, named as a person would name them in an instruction.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (196, 46, 42),
    "blue": (38, 92, 178),
    "green": (46, 138, 76),
    "yellow": (236, 184, 40),
    "orange": (230, 116, 32),
    "purple": (112, 66, 148),
    "white": (232, 228, 218),
    "turquoise": (32, 150, 156),
}
TRAY_COLOURS: dict[str, tuple[int, int, int]] = {
    "grey": (112, 118, 124),
    "black": (46, 48, 52),
    "brown": (128, 86, 58),
}
TRAY_HALF = (0.082, 0.076)  # outside, metres
TRAY_WALL = 0.005
TRAY_FLOOR = 0.006
TRAY_HEIGHT = 0.03
WALL_Y = 0.5
REACH_X, REACH_Y = 0.27, (-0.13, 0.22)


@dataclass(frozen=True, slots=True)
class Block:
    """A block at rest: half sizes (x, y, z) in metres, centre (x, y) on the table, yaw in radians."""

    half: tuple[float, float, float]
    x: float
    y: float
    yaw: float
    colour: str
    letter: str

    @property
    def noun(self) -> str:
        """What a person calls it."""
        return "cube" if max(self.half) - min(self.half) < 0.004 else "block"


@dataclass(frozen=True, slots=True)
class Layout:
    """The scene before anything moves. target is an index into blocks; side is +1 when the arm stands on the right."""

    blocks: tuple[Block, ...]
    target: int
    tray: tuple[float, float, float]
    tray_colour: str
    into_tray: bool
    destination: tuple[float, float, float]
    side: int
    light: tuple[float, float, float]
    eye: tuple[float, float, float]

    @property
    def rest_height(self) -> float:
        """Height of the floor on which the target is set down."""
        return TRAY_FLOOR if self.into_tray else 0.0


def draw_layout(spec: SceneSpec) -> Layout:
    """Draw a layout from the seed; places are drawn again until things stand apart."""
    rng = np.random.default_rng([spec.seed, 1])
    for _ in range(500):
        layout = _try_layout(spec, rng)
        if layout is not None:
            return layout
    raise ValueError(f"No room was found for {spec.objects} blocks with seed {spec.seed}; ask for fewer.")


def _try_layout(spec: SceneSpec, rng: np.random.Generator) -> Layout | None:
    side = int(rng.choice([-1, 1]))
    into_tray = bool(rng.random() < 0.75)
    tray = (side * rng.uniform(-0.2, -0.13), rng.uniform(-0.04, 0.12), rng.uniform(-0.3, 0.3))
    blocks: list[Block] = []
    names = rng.permutation(list(COLOURS))
    letters = rng.permutation(list("ABCEHKMRTXZ"))
    for i in range(spec.objects):
        place = _free_place(rng, [(tray[0], tray[1], 0.15), *((b.x, b.y, 0.12 if i == 0 else 0.105) for b in blocks)])
        if place is None:
            return None
        width = rng.uniform(0.019, 0.024)
        cube = rng.random() < 0.5
        half = (width, width, width) if cube else (rng.uniform(0.026, 0.034), width, rng.uniform(0.017, 0.024))
        blocks.append(Block(half, *place, rng.uniform(-0.75, 0.75), str(names[i]), str(letters[i])))
    target = int(rng.integers(len(blocks)))
    start = blocks[target]
    if into_tray:
        destination = (tray[0] + rng.uniform(-0.012, 0.012), tray[1] + rng.uniform(-0.01, 0.01), tray[2])
    else:
        spot = _free_place(
            rng, [(tray[0], tray[1], 0.16), (start.x, start.y, 0.18), *((b.x, b.y, 0.12) for b in blocks)]
        )
        if spot is None:
            return None
        destination = (*spot, rng.uniform(-0.6, 0.6))
    return Layout(
        blocks=tuple(blocks),
        target=target,
        tray=tray,
        tray_colour=str(rng.choice(list(TRAY_COLOURS))),
        into_tray=into_tray,
        destination=destination,
        side=side,
        light=(rng.choice([-1, 1]) * rng.uniform(0.3, 0.6), rng.uniform(-0.5, -0.1), 0.9),
        eye=(rng.uniform(-0.08, 0.08), rng.uniform(-0.76, -0.68), rng.uniform(0.5, 0.6)),
    )


def _free_place(rng: np.random.Generator, taken: list[tuple[float, float, float]]) -> tuple[float, float] | None:
    """A place within reach at least the third number away from every (x, y) taken."""
    for _ in range(60):
        x, y = float(rng.uniform(-REACH_X, REACH_X)), float(rng.uniform(*REACH_Y))
        if all(np.hypot(x - tx, y - ty) >= apart for tx, ty, apart in taken):
            return x, y
    return None
