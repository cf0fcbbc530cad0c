"""Whether single pixels are inside a thing, by looking up similar pixels near where they come from.

Source: label transfer by non-local means, as in Coupé et al., "Patch-based segmentation using expert priors",
NeuroImage 2011; here on colours, with candidates weighted by their distance from where the flow points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_REACH: Final = 4
# Differences of colour, in Lab as OpenCV scales it, at which a candidate hardly counts, and does not match at all.
_ALIKE: Final = 9.0
_MATCHES: Final = 12.0

Floats = NDArray[np.float32]

_offsets = np.arange(-_REACH, _REACH + 1)
_DY, _DX = (each.ravel() for each in np.meshgrid(_offsets, _offsets, indexing="ij"))


@dataclass(frozen=True)
class Source:
    """A picture whose labels are known: (h, w, 3) float32 Lab and (h, w) float32, 0-1 inside."""

    lab: Floats
    inside: Floats


def transfer(
    colours: Floats, x: Floats, y: Floats, spread: Floats, source: Source, *, stride: int = 1
) -> tuple[Floats, Floats]:
    """Labels of pixels, from a picture in which they are known.

    Args:
        colours: (n, 3) float32 Lab of the pixels.
        x: (n,) where each is expected in the source, in its pixels; beyond its border the border stands in.
        y: (n,).
        spread: (n,) pixels by which the expectation may be off.
        source: where to look.
        stride: look at every so many pixels only, for a source that is larger than what the pixels are from.

    Returns:
        (n,) float32 how much each is inside, 0-1, and (n,) float32 how well its colour was found there, 0-1.
    """
    height, width = source.inside.shape
    columns, rows = np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)
    aside, below = max(1, stride) * _DX, max(1, stride) * _DY
    at_x = np.clip(columns[:, None] + aside, 0, width - 1)
    at_y = np.clip(rows[:, None] + below, 0, height - 1)
    at = at_y * width + at_x
    off = ((source.lab.reshape(-1, 3)[at] - colours[:, None]) ** 2).sum(axis=2)
    away = (columns[:, None] + aside - x[:, None]) ** 2 + (rows[:, None] + below - y[:, None]) ** 2
    weight = np.exp(-off / (2 * _ALIKE**2) - away / (2 * spread[:, None] ** 2))
    inside = (weight * source.inside.reshape(-1)[at]).sum(axis=1) / (weight.sum(axis=1) + 1e-9)
    found = np.exp(-off.min(axis=1) / (2 * _MATCHES**2))
    return inside.astype(np.float32), found.astype(np.float32)
