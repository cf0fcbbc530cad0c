"""Is a frame fit to be annotated? Sharpness, light, noise and compression, read together.

Laplacian variance alone is fooled: noise and block edges raise it. So noise is measured on its own (Donoho's median
over diagonal Haar details), its share is taken out of the sharpness, and the score is the product of what each measure
says. Sources: Pech-Pacheco et al. 2000 (Laplacian variance); Donoho and Johnstone 1994 (noise); Wang, Bovik and Evans
2000 (blockiness, here as a plain ratio of gradients on and off the 8-pixel grid).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

NAME: Final = "classical-quality"
VERSION: Final = "1"

BLURRY_BELOW: Final = 100.0
DARK_BELOW: Final = 30.0
BRIGHT_ABOVE: Final = 225.0
# The 4-neighbour Laplacian of white noise of variance s2 has variance (1 + 1 + 1 + 1 + 16) s2.
_LAPLACIAN_NOISE_GAIN: Final = 20.0


class FrameQuality(TypedDict):
    """Measures of one frame; levels are 8-bit grey levels, fractions and the score lie in 0..1."""

    sharpness: float  # variance of the Laplacian, grey levels squared
    net_sharpness: float  # the same without the share of the noise
    exposure: float  # mean grey level
    contrast: float  # grey level at 95 % minus that at 5 %
    clipped_dark: float  # fraction of pixels at 4 or below
    clipped_bright: float  # fraction of pixels at 251 or above
    noise: float  # standard deviation of the noise, grey levels
    blockiness: float  # gradient on the 8-pixel grid over gradient off it; 1 is none
    colour_warmth: float  # mean red minus mean blue, grey levels
    change: float  # mean absolute difference to the frame before, grey levels; -1 for a first frame
    blurry: bool
    too_dark: bool
    too_bright: bool
    score: float


class ClipQuality(TypedDict):
    """Measures of a clip, from those of its frames. Whether it is a kitchen or a laboratory, they do not say."""

    score: float  # mean frame score times completeness
    frames: int
    completeness: float  # frames there over frames expected
    blurry_fraction: float
    badly_exposed_fraction: float
    frozen_fraction: float  # frames that repeat the one before
    median_sharpness: float
    median_exposure: float
    median_noise: float
    median_blockiness: float
    lighting: str  # dark, dim, even, bright, harsh
    lighting_tone: str  # warm, neutral, cool
    lighting_confidence: float


def measure(frame: NDArray[np.uint8], previous: NDArray[np.uint8] | None = None) -> FrameQuality:
    """Measure one frame.

    Args:
        frame: (height, width, 3) uint8 RGB, at least 32x32.
        previous: the frame before, same shape, to see whether the picture stands still.

    Returns:
        The measures; all plain Python numbers.

    Raises:
        EngineInputError: not an 8-bit RGB picture of at least 32x32.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or min(frame.shape[:2]) < 32:
        raise EngineInputError(
            f"Quality needs an 8-bit RGB picture of at least 32x32, but this is {frame.shape} {frame.dtype}."
        )
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    levels = np.cumsum(cv2.calcHist([grey], [0], None, [256], [0.0, 256.0]).ravel()) / grey.size
    laplacian = cv2.Laplacian(grey, cv2.CV_16S, ksize=1)
    _, spread = cv2.meanStdDev(laplacian)
    sharpness = float(spread[0, 0]) ** 2
    noise = noise_level(grey)
    net = max(0.0, sharpness - _LAPLACIAN_NOISE_GAIN * noise**2)
    exposure = float(np.asarray(cv2.mean(grey))[0])
    red, _, blue, _ = np.asarray(cv2.mean(frame))
    found = FrameQuality(
        sharpness=sharpness,
        net_sharpness=net,
        exposure=exposure,
        contrast=float(np.searchsorted(levels, 0.95) - np.searchsorted(levels, 0.05)),
        clipped_dark=float(levels[4]),
        clipped_bright=float(1.0 - levels[250]),
        noise=noise,
        blockiness=blockiness(grey),
        colour_warmth=float(red - blue),
        change=-1.0 if previous is None else float(np.mean(np.asarray(cv2.mean(cv2.absdiff(frame, previous)))[:3])),
        blurry=net < BLURRY_BELOW,
        too_dark=exposure < DARK_BELOW,
        too_bright=exposure > BRIGHT_ABOVE,
        score=0.0,
    )
    found["score"] = score(found)
    return found


def score(quality: FrameQuality) -> float:
    """One number in 0..1 from all measures: a frame is as good as its worst properties together allow."""
    sharp = _rises(np.log10(quality["net_sharpness"] + 1.0), low=0.7, high=2.3)
    light = min(
        _rises(quality["exposure"], low=10.0, high=50.0), 1.0 - _rises(quality["exposure"], low=205.0, high=245.0)
    )
    contrast = _rises(quality["contrast"], low=5.0, high=60.0)
    clipped = 1.0 - _rises(max(quality["clipped_dark"], quality["clipped_bright"]), low=0.15, high=0.8)
    clean = 1.0 - _rises(quality["noise"], low=4.0, high=25.0)
    whole = 1.0 - _rises(quality["blockiness"], low=1.25, high=3.0)
    worth = [(sharp, 0.9), (light, 0.9), (contrast, 0.7), (clipped, 0.5), (clean, 0.7), (whole, 0.6)]
    return float(np.prod([1.0 - weight * (1.0 - value) for value, weight in worth]))


def noise_level(grey: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise in grey levels, from the median of the diagonal Haar details.

    Args:
        grey: (height, width) uint8.
    """
    height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    even = grey[:height:2, :width].astype(np.int16)
    odd = grey[1:height:2, :width].astype(np.int16)
    diagonal = np.abs(even[:, ::2] - even[:, 1::2] - odd[:, ::2] + odd[:, 1::2])
    # The details are whole numbers, and a median of whole numbers jumps; interpolate it inside its bin.
    counts = np.bincount(diagonal.ravel())
    below = np.cumsum(counts)
    half = diagonal.size / 2
    at = int(np.searchsorted(below, half))
    inside = (half - (below[at] - counts[at])) / max(1, counts[at])
    median = max(0.0, at - 0.5 + inside)
    return float(median / 2.0 / 0.6745)


def blockiness(grey: NDArray[np.uint8]) -> float:
    """Mean gradient across the borders of 8x8 blocks over the mean gradient elsewhere; about 1 without block edges.

    Args:
        grey: (height, width) uint8.
    """
    along_x = cv2.absdiff(grey[:, 1:], grey[:, :-1]).mean(axis=0)
    along_y = cv2.absdiff(grey[1:], grey[:-1]).mean(axis=1)
    ratios = []
    for gradient in (along_x, along_y):
        border = np.zeros(gradient.shape, dtype=bool)
        border[7::8] = True
        ratios.append((float(gradient[border].mean()) + 0.1) / (float(gradient[~border].mean()) + 0.1))
    return float(np.mean(ratios))


def summarise(frames: Sequence[FrameQuality], expected_frames: int | None = None) -> ClipQuality:
    """Summary of a clip.

    Args:
        frames: measures of its frames, in order; a sample is enough.
        expected_frames: how many frames the clip should have had; None when nobody knows.

    Raises:
        EngineInputError: no frames.
    """
    if not frames:
        raise EngineInputError("A clip without measured frames has no quality; measure at least one frame.")
    complete = 1.0 if not expected_frames else min(1.0, len(frames) / expected_frames)
    lighting, sure = _lighting(frames)
    warmth = _median(frames, "colour_warmth")
    return ClipQuality(
        score=float(np.mean([frame["score"] for frame in frames])) * complete,
        frames=len(frames),
        completeness=complete,
        blurry_fraction=_share([frame["blurry"] for frame in frames]),
        badly_exposed_fraction=_share([frame["too_dark"] or frame["too_bright"] for frame in frames]),
        frozen_fraction=_share([0.0 <= frame["change"] < 0.02 for frame in frames]),
        median_sharpness=_median(frames, "sharpness"),
        median_exposure=_median(frames, "exposure"),
        median_noise=_median(frames, "noise"),
        median_blockiness=_median(frames, "blockiness"),
        lighting=lighting,
        lighting_tone="warm" if warmth > 12 else "cool" if warmth < -12 else "neutral",
        lighting_confidence=sure,
    )


def _lighting(frames: Sequence[FrameQuality]) -> tuple[str, float]:
    """A class of light and how far the exposure lies from the class's border."""
    exposure = _median(frames, "exposure")
    clipped_both = min(_median(frames, "clipped_dark"), _median(frames, "clipped_bright"))
    if clipped_both > 0.03:
        return "harsh", min(1.0, 0.5 + 5.0 * (clipped_both - 0.03))
    borders = [0.0, 30.0, 70.0, 170.0, 256.0]
    at = int(np.clip(np.searchsorted(borders, exposure, side="right") - 1, 0, 3))
    margin = min(exposure - borders[at] if at > 0 else 256.0, borders[at + 1] - exposure if at < 3 else 256.0)
    return ("dark", "dim", "even", "bright")[at], float(np.clip(0.4 + margin / 50.0, 0.0, 0.9))


def _median(frames: Sequence[FrameQuality], key: str) -> float:
    return float(np.median([frame[key] for frame in frames]))  # type: ignore[literal-required]


def _share(marks: Sequence[bool]) -> float:
    return float(np.mean(np.asarray(marks, dtype=np.float64)))


def _rises(value: float, *, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
