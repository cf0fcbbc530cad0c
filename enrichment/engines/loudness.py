"""How loud the sound is while each frame is on screen: root mean square of all channels, dB below full scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from annotation.media.scan import open_video

NAME: Final = "rms-loudness"
VERSION: Final = "1"
SILENCE: Final = -96.0  # dBFS, the noise floor of 16 bits


def loudness(
    path: Path, seconds: Sequence[float], end: float, offset: float, keep_going: Callable[[], None] = lambda: None
) -> NDArray[np.float32] | None:
    """Loudness per frame.

    Args:
        path: a video file.
        seconds: (n,) when each frame appears, rising.
        end: when the last frame goes, seconds.
        offset: time in the container at which the clip's clock starts, seconds.
        keep_going: called once per packet.

    Returns:
        (n,) float32 dBFS, at least `SILENCE`; NaN where there is no sound. None when the file has no sound at all.

    Raises:
        MediaError: the container cannot be opened.
    """
    container, _ = open_video(path)
    with container:
        if not container.streams.audio:
            return None
        edges = np.append(np.asarray(seconds, dtype=np.float64), end)
        energy, samples = np.zeros(len(seconds)), np.zeros(len(seconds))
        resampler = av.AudioResampler(format="fltp")
        for packet in container.demux(container.streams.audio[0]):
            keep_going()
            try:
                frames = [part for frame in packet.decode() for part in resampler.resample(frame)]
            except FFmpegError:
                continue  # a damaged packet is a gap in the lane, not the end of it
            for frame in frames:
                if frame.time is None:
                    continue
                power = np.square(frame.to_ndarray().astype(np.float64)).mean(axis=0)
                times = frame.time - offset + np.arange(len(power)) / frame.sample_rate
                at = np.searchsorted(edges, times, side="right") - 1
                inside = (at >= 0) & (at < len(seconds))
                energy += np.bincount(at[inside], weights=power[inside], minlength=len(seconds))
                samples += np.bincount(at[inside], minlength=len(seconds))
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10.0 * np.log10(energy / samples)
    return np.where(samples > 0, np.maximum(level, SILENCE), np.nan).astype(np.float32)
