"""Frames to times and back, by the clip's own table of presentation times; never by frame number / rate.

`seconds` is everywhere a (n,) float64, strictly increasing: when each frame appears. A frame is on screen from its
own time until the next one's.
"""

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]


def time_of(seconds: Seconds, frame: int) -> float:
    """When a frame appears, in seconds.

    Raises:
        IndexError: the clip has no such frame; a negative number is not counted from the end.
    """
    if not 0 <= frame < len(seconds):
        raise IndexError(f"There is no frame {frame}; the clip's frames are 0 to {len(seconds) - 1}.")
    return float(seconds[frame])


def frame_at(seconds: Seconds, time: float) -> int:
    """The frame on screen at a time: the last one that has appeared; beyond the clip's ends the first or last."""
    return int(np.clip(np.searchsorted(seconds, time, side="right") - 1, 0, len(seconds) - 1))


def nearest_frame(seconds: Seconds, time: float) -> int:
    """The frame whose time is closest; on a tie the earlier. For boundaries that came as times."""
    after = int(np.clip(np.searchsorted(seconds, time, side="left"), 0, len(seconds) - 1))
    before = max(after - 1, 0)
    return before if time - seconds[before] <= seconds[after] - time else after


def nearest_edge(seconds: Seconds, time: float) -> int:
    """The frame edge closest to a time: n for the moment frame n appears, the number of frames for the clip's end.

    For ends of segments that came as times; on a tie the earlier. NaN is a ValueError.
    """
    if not np.isfinite(time):
        raise ValueError(f"{time} is no time.")
    end = _edge(seconds, len(seconds))
    if time <= seconds[-1]:
        return nearest_frame(seconds, time)
    return len(seconds) if end - time < time - seconds[-1] else len(seconds) - 1


def span(seconds: Seconds, start: int, end: int) -> tuple[float, float]:
    """The times [from, to) that the frames [start, end) are on screen.

    The last frame of a clip stays for one frame of the nominal rate.

    Raises:
        IndexError: the interval does not lie in the clip.
    """
    if not 0 <= start <= end <= len(seconds):
        raise IndexError(f"Frames [{start}, {end}) do not lie in a clip of {len(seconds)} frames.")
    return _edge(seconds, start), _edge(seconds, end)


def frames_within(seconds: Seconds, start: float, end: float) -> tuple[int, int]:
    """The frames [first, last) whose times lie in [start, end) seconds."""
    first, last = np.searchsorted(seconds, (start, end), side="left")
    return int(first), int(max(first, last))


def nominal_fps(seconds: Seconds) -> float:
    """Frames per second to show to a person: the mean rate of a steady clip, the median of an unsteady one.

    A clip of one frame has none: 0.
    """
    if len(seconds) < 2:
        return 0.0
    steps = np.diff(seconds)
    # Containers round times to milliseconds, so single steps are off but their mean is not.
    step = float(steps.mean()) if not is_variable(seconds) else float(np.median(steps))
    return 1.0 / step


def is_variable(seconds: Seconds, *, tick: float = 0.001) -> bool:
    """Whether the frames come at an uneven pace.

    That is, whether a step differs from the mean by more than rounding to `tick` seconds can explain.
    """
    if len(seconds) < 3:
        return False
    steps = np.diff(seconds)
    mean = float(steps.mean())
    return bool(np.abs(steps - mean).max() > max(1.5 * tick, 0.02 * mean))


def _edge(seconds: Seconds, frame: int) -> float:
    if frame < len(seconds):
        return float(seconds[frame])
    rate = nominal_fps(seconds)
    return float(seconds[-1]) + (1.0 / rate if rate else 0.0)
