"""A histogram with a threshold drawn in it, in the coordinates of its SVG."""

from __future__ import annotations

from dataclasses import dataclass

from review.check_figures import Measured

WIDTH, HEIGHT, FLOOR = 480.0, 110.0, 90.0


@dataclass(frozen=True)
class Bar:
    """One bin: SVG units, and what it holds in words."""

    x: float
    y: float
    width: float
    height: float
    spoken: str


@dataclass(frozen=True)
class Histogram:
    """What the template draws. threshold: x of the line; limit: the same in words."""

    of: Measured
    bars: tuple[Bar, ...]
    threshold: float
    limit: str
    low: str
    high: str
    spoken: str
    width: float = WIDTH
    height: float = HEIGHT
    floor: float = FLOOR


def draw(found: Measured) -> Histogram:
    """Bars from the left to the right, the tallest as high as the picture."""
    step, tallest = WIDTH / len(found.counts), max(found.counts)
    span = found.high - found.low
    bars = []
    for number, count in enumerate(found.counts):
        height = (FLOOR - 14) * count / tallest
        edges = [found.low + span * (number + side) / len(found.counts) for side in (0, 1)]
        spoken = f"{count} from {edges[0]:.3g} to {edges[1]:.3g} {found.measure.unit}".strip()
        if count:
            bars.append(Bar(number * step + 1, FLOOR - height, step - 2, height, spoken))
    at = WIDTH * (found.threshold - found.low) / span
    side = "above" if found.measure.above else "below"
    return Histogram(
        found,
        tuple(bars),
        round(at, 1),
        f"{found.threshold:g}",
        f"{found.low:.2g}",
        f"{found.high:.2g}",
        f"{found.measure.name.capitalize()}: {found.flags} flags {side} the threshold of {found.threshold:g}",
    )
