"""Two depths: by the absolute relative difference, in metres where both are lengths, else after they are aligned."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from enrichment.comparison import Comparer, Differences, Side, frames_of, register, sampled
from enrichment.layers.depth import DepthReader

_MOST_PIXELS: Final = 40_000
_METRIC = "absolute relative difference"
_RELATIVE = "absolute relative difference, aligned"


@register
class Depth(Comparer):
    """AbsRel as in Eigen et al. 2014; where a scale is unknown, of inverse depth, fitted as in MiDaS (2020)."""

    layers = ("depth",)

    def compare(self, before: Side, after: Side) -> Differences:
        """The older version is what the newer one is measured against."""
        old, new = before.open(), after.open()
        metric, values = old.metric and new.metric, {}
        for frame in frames_of(before.clip.frame_count):
            value = apart(_small(old.read(frame)), _small(new.read(frame)), old.metric, new.metric)
            if value is not None:
                values[frame] = value
        remarks = sampled(before.clip.frame_count)
        if not metric:
            remarks.insert(
                0,
                "Not both are in metres: inverse depths are compared, the newer scaled and shifted to fit the older.",
            )
        return Differences(_METRIC if metric else _RELATIVE, "", 0.0, values, remarks=remarks)

    def words(self, side: Side, frame: int) -> list[str]:
        """How near and far it is, in metres where it is a length."""
        reader: DepthReader = side.open()
        known = reader.read(frame)[reader.stored(frame) > 0]
        if not reader.metric or not known.size:
            return ["relative, without a unit"]
        near, middle, far = np.percentile(known, (2, 50, 98))
        return [f"{near:.2f} to {far:.2f} m, median {middle:.2f} m"]


def apart(a: NDArray[np.float32], b: NDArray[np.float32], a_metric: bool, b_metric: bool) -> float | None:
    """Mean of |a - b| / a over pixels that both know; None where there are too few.

    Args:
        a: (h, w) float32, metres or inverse depth.
        b: the same, perhaps of another size.
        a_metric: whether `a` is in metres, 0 where nothing is known.
        b_metric: the same of `b`.
    """
    if a.shape != b.shape:
        rows = np.linspace(0, b.shape[0] - 1, a.shape[0]).round().astype(int)
        columns = np.linspace(0, b.shape[1] - 1, a.shape[1]).round().astype(int)
        b = b[np.ix_(rows, columns)]
    known = (a > 0) & (b > 0)
    if known.sum() < 16:
        return None
    first, second = a[known].astype(np.float64), b[known].astype(np.float64)
    if a_metric and b_metric:
        return float(np.mean(np.abs(first - second) / first))
    first = 1 / first if a_metric else first
    second = 1 / second if b_metric else second
    system = np.stack([second, np.ones_like(second)], axis=1)
    scale, shift = np.linalg.lstsq(system, first, rcond=None)[0]
    # A depth that is turned inside out is no fit.
    fitted = scale * second + shift if scale > 0 else np.full_like(first, first.mean())
    return float(np.mean(np.abs(first - fitted)) / np.mean(first))


def _small(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every nth pixel, so that few enough remain."""
    step = max(1, int(np.sqrt(depth.size / _MOST_PIXELS)))
    return depth[::step, ::step]
