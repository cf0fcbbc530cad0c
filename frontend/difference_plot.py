"""A curve over the frames of a clip, as a path that a template draws; a script moves the playhead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT, TOP, LEFT, RIGHT = 1000, 150, 12, 64, 8
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Tick:
    """A line of the grid: where it is, in the picture's units, and what stands at it."""

    at: float
    name: str


@dataclass(frozen=True)
class Curve:
    """left, inner: where frame 0 is, and how wide all frames are. dots: of frames that have no neighbour."""

    path: str
    dots: list[tuple[float, float]]
    across: list[Tick]
    up: list[Tick]
    name: str
    spoken: str
    left: int = LEFT
    inner: int = WIDTH - LEFT - RIGHT
    width: int = WIDTH
    height: int = HEIGHT + TOP + 36
    bottom: int = HEIGHT + TOP


def draw(pairs: Sequence[tuple[int, float]], *, count: int, measure: str, unit: str) -> Curve:
    """The curve of (frame, value) pairs, by frame, over a clip of `count` frames."""
    values = [value for _, value in pairs]
    least, most = min(0.0, *values), max(*values, 0.0)
    step = _step(max(most - least, 1e-6) / 4)
    most = max(most, least + step)

    def x(frame: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * frame / max(1, count - 1), 2)

    def y(value: float) -> float:
        return round(TOP + HEIGHT * (most - value) / (most - least), 2)

    # Where only every nth frame has a value, neighbours are n apart.
    gap = min((b[0] - a[0] for a, b in pairwise(pairs)), default=1) + 1
    path, dots, last = [], [], None
    for at, (frame, value) in enumerate(pairs):
        joined = last is not None and frame - last <= gap
        following = at + 1 < len(pairs) and pairs[at + 1][0] - frame <= gap
        if not joined and not following:
            dots.append((x(frame), y(value)))
        path.append(f"{'L' if joined else 'M'}{x(frame)} {y(value)}")
        last = frame
    up = [Tick(y(value), f"{value:g}") for value in _marks(least, most, step)]
    across = [Tick(x(int(frame)), f"{int(frame):,}") for frame in _marks(0, count - 1, max(1, _step(count / 8)))]
    name = f"{measure}{f', {unit}' if unit else ''}"
    mean = sum(values) / len(values)
    spoken = f"{name} over {len(pairs)} frames: mean {mean:.3g}, from {min(values):.3g} to {max(values):.3g}."
    return Curve(" ".join(path), dots, across, up, name, spoken)


def _step(about: float) -> float:
    """The round number next above `about`: 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= about:
        power *= 10
    while power > about:
        power /= 10
    return next((step * power for step in _STEPS if step * power >= about), 10 * power)


def _marks(least: float, most: float, step: float) -> list[float]:
    first = -int(-least // step)
    return [round(at * step, 9) for at in range(first, int(most / step + 1e-9) + 1)]
