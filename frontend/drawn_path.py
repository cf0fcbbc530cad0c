"""A path over the picture as SVG: where a joint would be, frame by frame, and from which sightings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enrichment.engines.gap_filling import Filled


@dataclass(frozen=True)
class Dot:
    """x, y in pixels of the picture. proposed: not a sighting, but what lies between them."""

    frame: int
    x: float
    y: float
    proposed: bool


@dataclass(frozen=True)
class DrawnPath:
    """One joint's way: the attribute `points` of a polyline, and a dot for each frame."""

    name: str
    line: str
    dots: Sequence[Dot]
    from_frames: str


def draw(keypoint: str, path: Filled) -> DrawnPath:
    """The way of one joint with the sightings that it is drawn from."""
    dots = [Dot(int(n), float(x), float(y), True) for n, (x, y) in zip(path.frames, path.points, strict=True)]
    dots += [Dot(n, float(x), float(y), False) for n, (x, y) in zip(path.anchors, path.at_anchors, strict=True)]
    dots.sort(key=lambda dot: dot.frame)
    line = " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in dots)
    return DrawnPath(keypoint.replace("_", " "), line, dots, ", ".join(str(each) for each in path.anchors))
