"""Which frames stand for a clip: evenly in time, at changes of scene, or the outline of an episode."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry import timebase

_SMALL = 64  # pixels at which colours are counted
_BINS = (8, 4, 4)  # hue, saturation, value


def uniform(seconds: npt.NDArray[np.float64], *, per_second: float = 1.0) -> list[int]:
    """Frames at an even pace in time, whatever the frame rate: the one nearest each tick, the first always among them.

    Args:
        seconds: (n,) float64 presentation times.
        per_second: 1 to 2 is usual.

    Returns:
        Frame numbers, rising, each once.

    Raises:
        ValueError: the pace is not positive.
    """
    if per_second <= 0:
        raise ValueError(f"{per_second} keyframes per second is not a pace.")
    ticks = np.arange(seconds[0], seconds[-1] + 1e-9, 1 / per_second)
    return sorted({timebase.nearest_frame(seconds, float(tick)) for tick in ticks})


def episode(count: int, *, between: int = 4) -> list[int]:
    """First frame, last frame and some at even distances between: enough to tell what a demonstration did.

    Args:
        count: frames in the clip.
        between: 3 to 5 is usual.

    Returns:
        Frame numbers, rising, each once; fewer when the clip is that short.
    """
    return sorted({int(frame) for frame in np.linspace(0, count - 1, min(count, between + 2)).round()})


def scene_changes(
    frames: Iterable[tuple[int, npt.NDArray[np.uint8]]],
    *,
    threshold: float = 0.35,
    at_least: int = 12,
) -> list[int]:
    """The first frame and every one with which a new scene begins.

    A cut is where the colour histogram jumps and the change stands out from what the frames before it did, so that a
    flash or a fast hand is not taken for one.

    Args:
        frames: (number, (height, width, 3) uint8 RGB) in order, as `FrameReader.iterate` gives them; a step is fine.
        threshold: distance of two histograms, 0 (alike) to 1 (nothing in common).
        at_least: frames between two changes.

    Returns:
        Frame numbers, rising; empty without frames.
    """
    return changes(((number, histogram(picture)) for number, picture in frames), threshold=threshold, at_least=at_least)


def changes(histograms: Iterable[tuple[int, npt.NDArray[np.float32]]], *, threshold: float, at_least: int) -> list[int]:
    """As `scene_changes`, of frames whose colours were counted before.

    Args:
        histograms: (number, what `histogram` gives) in order.
        threshold: see `scene_changes`.
        at_least: see `scene_changes`.
    """
    found: list[int] = []
    before: npt.NDArray[np.float32] | None = None
    usual = 0.0
    for number, counted in histograms:
        if before is None:
            found.append(number)
        else:
            distance = histogram_distance(before, counted)
            if distance > max(threshold, 3 * usual) and number - found[-1] >= at_least:
                found.append(number)
                usual = 0.0
            else:
                usual = 0.8 * usual + 0.2 * distance
        before = counted
    return found


def histogram_distance(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Half the absolute difference of two histograms that each add up to 1: 0 to 1."""
    return float(np.abs(a - b).sum() / 2)


def batches(frames: Sequence[int], *, size: int = 500) -> list[list[int]]:
    """Cut a list of frames into batches of people's work, the last one shorter.

    Raises:
        ValueError: the size is below 1.
    """
    if size < 1:
        raise ValueError(f"A batch of {size} frames is none.")
    return [list(frames[start : start + size]) for start in range(0, len(frames), size)]


def histogram(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Shares of hue, saturation and value in a (height, width, 3) uint8 RGB picture: (8, 4, 4) float32, 1 together."""
    small = cv2.resize(picture, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    colours = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([colours], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256])
    shares: npt.NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return shares
