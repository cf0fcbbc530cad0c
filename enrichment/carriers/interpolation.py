"""Shapes between two keyframes, without looking at the pictures in between."""

from __future__ import annotations

from collections.abc import Iterator

from enrichment.engines import shape_interpolation
from enrichment.errors import EngineInputError
from enrichment.propagation.carrier import Carried, Carrier, Pictures, Stretch
from enrichment.propagation.registry import register


@register
class Interpolation(Carrier):
    """Moves, turns, scales and reforms the first keyframe's shape evenly into the second's."""

    name = shape_interpolation.NAME
    title = "Shape between two keyframes"
    version = shape_interpolation.VERSION
    method = "interpolated"
    needs_far = True

    def carry(self, pictures: Pictures, stretch: Stretch) -> Iterator[Carried]:
        """One mask a frame; the confidence falls towards the middle, the more the two shapes differ."""
        if stretch.far is None:
            raise EngineInputError("Shapes are made between two keyframes; there is no second one.")
        between = shape_interpolation.Between(stretch.near.mask, stretch.far.mask)
        way = stretch.far.frame - stretch.near.frame
        for frame in stretch.frames:
            if frame in stretch.came:
                continue
            share = (frame - stretch.near.frame) / way
            doubt = (1.0 - between.likeness) * 4.0 * share * (1.0 - share)
            yield Carried(frame, between.at(share), round(max(0.0, 1.0 - doubt), 3))
