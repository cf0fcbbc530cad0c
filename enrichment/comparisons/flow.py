"""Two flows: by the end-point error, in pixels of the clip."""

from __future__ import annotations

import cv2
import numpy as np

from enrichment.comparison import Comparer, Differences, Side, frames_of, register, sampled
from enrichment.layers.flow import Flow as Vectors
from enrichment.layers.flow import FlowReader


@register
class Flow(Comparer):
    """EPE as in Baker et al. 2011: the mean length of the difference of two vectors."""

    layers = ("flow",)

    def compare(self, before: Side, after: Side) -> Differences:
        """The larger one is brought to the size of the smaller."""
        old, new = before.open(), after.open()
        count = min(len(old), len(new))
        size = (before.clip.height, before.clip.width)
        values = {frame: end_point_error(old.read(frame), new.read(frame), size) for frame in frames_of(count)}
        return Differences("end-point error", "px", 0.0, values, remarks=sampled(count))

    def words(self, side: Side, frame: int) -> list[str]:
        """How far things go."""
        reader: FlowReader = side.open()
        if frame >= len(reader):
            return []
        vectors = _in_pixels(reader.read(frame), (side.clip.height, side.clip.width))
        middle, far = np.percentile(np.hypot(vectors[..., 0], vectors[..., 1]), (50, 99))
        return [f"median {middle:.2f} px, 99 % below {far:.1f} px"]


def end_point_error(a: Vectors, b: Vectors, size: tuple[int, int]) -> float:
    """Mean end-point error in pixels of a picture of `size` (height, width).

    Args:
        a: (h, w, 2) float32, (u, v) in pixels of its own size.
        b: the same, perhaps of another size.
        size: of the clip.
    """
    first, second = _in_pixels(a, size), _in_pixels(b, size)
    if first.shape != second.shape:
        if first.size > second.size:
            first, second = second, first
        wide = (first.shape[1], first.shape[0])
        second = np.asarray(cv2.resize(second, wide, interpolation=cv2.INTER_AREA), dtype=np.float32)
    return float(np.linalg.norm(first - second, axis=2).mean())


def _in_pixels(flow: Vectors, size: tuple[int, int]) -> Vectors:
    stretch = np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], dtype=np.float32)
    return np.asarray(flow * stretch, dtype=np.float32)
