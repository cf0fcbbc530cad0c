"""Large smooth surfaces (a table top, a wall) as slowly varying colours, so that what lies on them stands out.

A surface is a quadratic polynomial of the position for each of red, green and blue, fitted robustly to a large flat
region of a median-smoothed picture: light falls off slowly, thin print and wood grain vanish in the median. A pixel
belongs to a surface when its colour is the surface's colour times a brightness factor (a shadow, a highlight) and
little else: the brightness and chromaticity distortion of Horprasert, Harwood and Davis 1999, without their background
picture, so that a moving camera does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_TERMS: Final = 6
_SAMPLES: Final = 6000
# A shadow takes at least this many grey levels before it is something else: on a dark mat a factor alone says nothing.
_DARK_LEVELS: Final = 30.0


@dataclass(frozen=True)
class SurfaceParameters:
    """Thresholds of the surface model; lengths in pixels of the working picture, colours in grey levels."""

    smoothing: int = 9
    flat_gradient: float = 24.0
    smallest_share: float = 0.02  # a flat region below this share of the picture founds no surface
    most_surfaces: int = 6
    patch_share: float = 0.04  # a patch below this share of the picture must lie where its surface prevails
    shadow: float = 0.5  # darker than this factor is no longer a shadow on the surface
    least_chroma: float = 9.0
    most_chroma: float = 20.0
    least_brightness: float = 0.10
    most_brightness: float = 0.24
    least_levels: float = 16.0


def smooth(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Two medians, the second smaller: thin lines and grain go, corners stay nearly where they are.

    Args:
        rgb: (height, width, 3) uint8.
        size: odd side of the first median, in pixels.
    """
    return np.asarray(cv2.medianBlur(cv2.medianBlur(rgb, size), max(3, size // 4 * 2 + 1)), dtype=np.uint8)


def gradient(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Strongest Sobel response of the Lab channels.

    Args:
        rgb: (height, width, 3) uint8.

    Returns:
        (height, width) float32.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    along_x = np.abs(cv2.Sobel(lab, cv2.CV_16S, 1, 0, ksize=3)).max(axis=2)
    along_y = np.abs(cv2.Sobel(lab, cv2.CV_16S, 0, 1, ksize=3)).max(axis=2)
    return np.maximum(along_x, along_y).astype(np.float32)


class Surfaces:
    """The surfaces of a scene.

    `coefficients` is (surfaces, 6, 3) float32 over the terms 1, x, y, x², xy, y² with x and y from -1 to 1;
    `tolerance` is (surfaces, 2) float32: chroma in grey levels, brightness as a factor.
    """

    def __init__(self, parameters: SurfaceParameters | None = None) -> None:
        """Start without surfaces; `fit` finds them."""
        self.parameters = parameters or SurfaceParameters()
        self.coefficients: NDArray[np.float32] = np.zeros((0, _TERMS, 3), dtype=np.float32)
        self.tolerance: NDArray[np.float32] = np.zeros((0, 2), dtype=np.float32)
        self._terms: NDArray[np.float32] | None = None

    def fit(self, smoothed: NDArray[np.uint8], exclude: NDArray[np.bool_] | None = None) -> None:
        """Find the surfaces of one picture, largest first.

        Args:
            smoothed: (height, width, 3) uint8 RGB as `smooth` leaves it.
            exclude: (height, width) bool of pixels that are known to be no surface (things that move).
        """
        settings = self.parameters
        self.coefficients = self.coefficients[:0]
        self.tolerance = self.tolerance[:0]
        terms = self._terms_for(smoothed.shape[:2])
        open_ = gradient(smoothed) < settings.flat_gradient
        if exclude is not None:
            open_ &= ~exclude
        flat = cv2.erode(open_.astype(np.uint8), np.ones((3, 3), np.uint8))
        least = settings.smallest_share * flat.size
        while len(self.coefficients) < settings.most_surfaces:
            _, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
            if len(stats) < 2:
                break
            largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            if stats[largest, cv2.CC_STAT_AREA] < least:
                break
            region = labels == largest
            if not _runs_along_border(region):
                flat[region] = 0
                continue
            self._add(smoothed, terms, region)
            # A second look: what the first fit explains elsewhere (beyond a thick line, say) belongs to the same
            # surface.
            explained = self.assign(smoothed) == len(self.coefficients)
            wider = region | (explained & (flat > 0))
            self.coefficients, self.tolerance = self.coefficients[:-1], self.tolerance[:-1]
            self._add(smoothed, terms, wider)
            explained = self.assign(smoothed) == len(self.coefficients)
            flat[region | explained] = 0

    def refresh(self, smoothed: NDArray[np.uint8], labels: NDArray[np.uint8], weight: float = 0.2) -> None:
        """Follow slow changes of light: move every surface towards a fit of the pixels that it explains now.

        Args:
            smoothed: (height, width, 3) uint8 RGB.
            labels: (height, width) uint8 as `assign` gave it.
            weight: how much of the new fit is taken, 0..1.
        """
        terms = self._terms_for(smoothed.shape[:2])
        for number in range(len(self.coefficients)):
            region = labels == number + 1
            if region.sum() < 0.5 * self.parameters.smallest_share * region.size:
                continue
            fitted, _ = _fit(smoothed, terms, region)
            self.coefficients[number] += np.float32(weight) * (fitted - self.coefficients[number])

    def assign(self, smoothed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Which surface explains each pixel.

        Args:
            smoothed: (height, width, 3) uint8 RGB.

        Returns:
            (height, width) uint8, 0 where none does, else the surface's number from 1.
        """
        height, width = smoothed.shape[:2]
        terms = self._terms_for((height, width))
        colours = smoothed.reshape(-1, 3).astype(np.float32)
        best = np.ones(height * width, dtype=np.float32)
        labels = np.zeros(height * width, dtype=np.uint8)
        for number, (coefficients, tolerance) in enumerate(
            zip(self.coefficients, self.tolerance, strict=True), start=1
        ):
            model = terms @ coefficients
            factor = np.einsum("ij,ij->i", colours, model) / np.maximum(np.einsum("ij,ij->i", model, model), 1.0)
            rest = colours - factor[:, None] * model
            chroma = np.sqrt(np.einsum("ij,ij->i", rest, rest)) / tolerance[0]
            level = max(20.0, float(coefficients[0].mean()))
            darkest = max(0.2, min(self.parameters.shadow, 1.0 - float(tolerance[1]), 1.0 - _DARK_LEVELS / level))
            bright = np.where(factor > 1.0, (factor - 1.0) / tolerance[1], (1.0 - factor) / (1.0 - darkest))
            distance = np.maximum(chroma, bright).astype(np.float32)
            better = distance < best
            best[better] = distance[better]
            labels[better] = number
        return self._at_home(labels.reshape(height, width))

    def _at_home(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Drop small patches of a surface far from it: a grey face of a block on the table is not the wall behind."""
        count = len(self.coefficients)
        if count < 2:
            return labels
        window = max(9, labels.shape[1] // 8 | 1)
        small: list[NDArray[np.bool_]] = []
        density: list[NDArray[np.float32]] = []
        for number in range(1, count + 1):
            _, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == number).astype(np.uint8), connectivity=4)
            large = stats[:, cv2.CC_STAT_AREA] >= self.parameters.patch_share * labels.size
            large[0] = False
            small.append(~large[pieces] & (labels == number))
            density.append(cv2.blur(large[pieces].astype(np.float32), (window, window)).astype(np.float32))
        prevailing = np.argmax(np.stack(density), axis=0) + 1
        stray = np.any(small, axis=0) & (prevailing != labels)
        return np.where(stray, 0, labels).astype(np.uint8)

    def _add(self, smoothed: NDArray[np.uint8], terms: NDArray[np.float32], region: NDArray[np.bool_]) -> None:
        settings = self.parameters
        coefficients, spread = _fit(smoothed, terms, region)
        # On a dark surface a factor means little: sensor noise and fine print are counted in grey levels.
        level = max(20.0, float(smoothed[region].mean()))
        tolerance = np.array(
            [
                np.clip(4.0 * spread[0], settings.least_chroma, settings.most_chroma),
                max(
                    np.clip(4.0 * spread[1], settings.least_brightness, settings.most_brightness),
                    settings.least_levels / level,
                ),
            ],
            dtype=np.float32,
        )
        self.coefficients = np.concatenate([self.coefficients, coefficients[None]])
        self.tolerance = np.concatenate([self.tolerance, tolerance[None]])

    def _terms_for(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        height, width = shape[:2]
        if self._terms is None or len(self._terms) != height * width:
            x, y = np.meshgrid(
                np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
            )
            terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
            self._terms = np.ascontiguousarray(terms.reshape(-1, _TERMS))
        return self._terms


def _runs_along_border(region: NDArray[np.bool_]) -> bool:
    """Whether a region leaves the picture over a long stretch of its border, or on the left and on the right.

    A table, a board of it or a wall does; a tray does not, and a hand or an arm only with its narrow side.
    """
    height, width = region.shape
    reach = 4  # the erosion before has taken the outermost pixels
    top, bottom = (int(rows.any(axis=0).sum()) for rows in (region[:reach], region[-reach:]))
    left, right = (int(columns.any(axis=1).sum()) for columns in (region[:, :reach], region[:, -reach:]))
    across = min(left, right) > 0.02 * height
    return across or top + bottom + left + right > 0.08 * 2 * (height + width)


def _fit(
    smoothed: NDArray[np.uint8], terms: NDArray[np.float32], region: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Robust fit on at most 6000 evenly spread pixels; also the spread of chroma (levels) and brightness (factor)."""
    chosen = np.flatnonzero(region.ravel())
    chosen = chosen[:: max(1, len(chosen) // _SAMPLES)]
    colours = smoothed.reshape(-1, 3)[chosen].astype(np.float32)
    design = terms[chosen]
    # A little ridge on the higher terms: a surface seen in one corner must not run wild in the other.
    ridge = np.diag(np.array([0, 0.01, 0.01, 0.05, 0.05, 0.05], dtype=np.float32) * len(chosen))
    keep = np.ones(len(chosen), dtype=bool)
    coefficients = np.zeros((_TERMS, 3), dtype=np.float32)
    for _ in range(3):
        left = design[keep].T @ design[keep] + ridge + 1e-3 * np.eye(_TERMS, dtype=np.float32)
        coefficients = np.linalg.solve(left, design[keep].T @ colours[keep]).astype(np.float32)
        error = np.abs(colours - design @ coefficients).max(axis=1)
        keep = error <= max(3.0, 3.0 * float(np.median(error)))
    model = design[keep] @ coefficients
    factor = (colours[keep] * model).sum(axis=1) / np.maximum((model * model).sum(axis=1), 1.0)
    chroma = np.linalg.norm(colours[keep] - factor[:, None] * model, axis=1)
    return coefficients, (float(np.median(chroma)) * 1.2, float(np.median(np.abs(factor - 1.0))) * 1.4826)
