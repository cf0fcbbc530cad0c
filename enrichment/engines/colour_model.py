"""How a thing's colours differ from those around it: two histograms, learnt from a keyframe and adapted slowly."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BINS: Final = 16
# Lab as OpenCV scales it: a and b of pictures lie in a narrow range around 128.
_SPAN: Final = np.array([256.0, 110.0, 130.0], dtype=np.float32)
_ZERO: Final = np.array([0.0, 128.0 - 55.0, 128.0 - 65.0], dtype=np.float32)
_ADAPT: Final = 0.3
_EMPTY: Final = 2e-4
_MOST: Final = 3.0
# How much of the thing's and of the surroundings' model is the keyframe's: what is around changes faster.
_KEPT_INSIDE: Final = 0.6
_KEPT_OUTSIDE: Final = 0.3

Lab = NDArray[np.float32]
Histogram = NDArray[np.float64]


class ColourModel:
    """Colours inside and outside of a mask.

    Args:
        lab: (h, w, 3) float32, Lab as OpenCV gives it for 8-bit pictures.
        inside: (h, w) float32, 0-1.
    """

    def __init__(self, lab: Lab, inside: NDArray[np.float32]) -> None:
        self._key = self._now = _histograms(lab, inside)

    def adapt(self, lab: Lab, inside: NDArray[np.float32]) -> None:
        """Learn a little from a further frame; the keyframe's share stays."""
        fresh = _histograms(lab, inside)
        self._now = ((1 - _ADAPT) * self._now[0] + _ADAPT * fresh[0], (1 - _ADAPT) * self._now[1] + _ADAPT * fresh[1])

    def log_odds(self, lab: Lab) -> NDArray[np.float32]:
        """(n,) float32 for (n, 3) colours: above 0 more likely inside, at most 3 either way."""
        at = _cells(lab)
        inside = _KEPT_INSIDE * self._key[0][at] + (1 - _KEPT_INSIDE) * self._now[0][at]
        outside = _KEPT_OUTSIDE * self._key[1][at] + (1 - _KEPT_OUTSIDE) * self._now[1][at]
        odds = np.log((inside + _EMPTY) / (outside + _EMPTY))
        return np.clip(odds, -_MOST, _MOST).astype(np.float32)

    def likeness(self, lab: Lab, inside: NDArray[np.float32]) -> float:
        """How much of the colours inside are those of the keyframe, 0-1 (intersection of histograms)."""
        return float(np.minimum(self._key[0], _histograms(lab, inside)[0]).sum())


def _cells(lab: Lab) -> NDArray[np.intp]:
    cell = np.clip((lab - _ZERO) * (_BINS / _SPAN), 0, _BINS - 1).astype(np.intp)
    return np.asarray((cell[..., 0] * _BINS + cell[..., 1]) * _BINS + cell[..., 2], dtype=np.intp)


def _histograms(lab: Lab, inside: NDArray[np.float32]) -> tuple[Histogram, Histogram]:
    """Smoothed shares of the colours of pixels that are clearly inside, and clearly outside."""
    cells = _cells(lab).ravel()
    sure, out = (inside > 0.9).ravel(), (inside < 0.1).ravel()
    return _smoothed(cells[sure]), _smoothed(cells[out])


def _smoothed(cells: NDArray[np.intp]) -> Histogram:
    counts: Histogram = np.bincount(cells, minlength=_BINS**3).astype(np.float64)
    counts = counts.reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        edge = np.pad(counts, [(1, 1) if each == axis else (0, 0) for each in range(3)], mode="edge")
        size = counts.shape[axis]
        low, middle, high = (np.take(edge, range(at, at + size), axis=axis) for at in range(3))
        counts = 0.25 * low + 0.5 * middle + 0.25 * high
    return np.asarray(counts.ravel() / max(1, len(cells)), dtype=np.float64)
