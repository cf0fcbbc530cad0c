"""Series of one number per frame: their extremes over stretches, the moments at which they change, and CSV files.

A lane of a time axis is a few hundred pixels wide, a clip is a hundred thousand frames long: what is drawn is the least
and the greatest value under each pixel, so that a spike of one frame is seen at every zoom.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from enrichment.engines import rests
from enrichment.engines.series_files import TIMES
from enrichment.errors import EngineInputError

Values = NDArray[np.float32]

_UNIT: Final = re.compile(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$")


@dataclass(frozen=True)
class Column:
    """A series that came with a clip: its name, its unit (may be empty), (n,) float32 with NaN where unknown."""

    name: str
    unit: str
    values: Values


@dataclass(frozen=True)
class Moment:
    """A frame boundary at which something begins or ends; kind says what, strength 0-1 how clearly."""

    frame: int
    kind: str
    strength: float


def extremes(values: Values, start: int, end: int, step: int) -> tuple[Values, Values]:
    """The least and the greatest value of every `step` frames of [start, end).

    Args:
        values: (n,) float32; NaN is not known.
        start: first frame.
        end: frame after the last; what lies beyond the series is not known.
        step: frames under one pixel, 1 or more; the last pixel may have fewer.

    Returns:
        Two (ceil((end - start) / step),) float32, NaN where nothing is known.
    """
    edges = np.arange(start, end, step)
    least, greatest = (np.full(len(edges), np.nan, dtype=np.float32) for _ in range(2))
    known = edges[edges < min(end, len(values))]
    if len(known):
        part = values[start : min(end, len(values))]
        least[: len(known)] = np.fmin.reduceat(part, known - start)
        greatest[: len(known)] = np.fmax.reduceat(part, known - start)
    return least, greatest


def strokes(speed: Values, least: float) -> list[Moment]:
    """Where motion starts and stops, and where it nearly rests in between.

    A stroke begins where the speed rises over 15 % of a usual stroke and ends where it falls below; a rest is a valley
    less than half as fast as the peaks beside it.

    Args:
        speed: (n,) float32, smoothed; NaN counts as rest.
        least: usual speed below which nothing moves, in the series' own unit.

    Returns:
        Moments by frame, of the kinds "start", "stop" and "rest".
    """
    pace = np.nan_to_num(np.asarray(speed, dtype=np.float64))
    if len(pace) < 3:
        return []
    busy = pace[pace > 0.1 * np.quantile(pace, 0.98)]
    usual = float(np.quantile(busy, 0.75)) if len(busy) else 0.0
    if usual <= max(0.0, least):
        return []
    moving = np.concatenate([[False], pace > 0.15 * usual, [False]])
    turns = np.flatnonzero(moving[1:] != moving[:-1])
    found = [Moment(int(at), "stop" if n % 2 else "start", 1.0) for n, at in enumerate(turns) if 0 < at < len(pace)]
    found += [
        Moment(int(at), "rest", round(float(depth), 3))
        for at, depth in enumerate(rests.depths(pace, 0.1 * usual))
        if depth > 0 and moving[at + 1]
    ]
    return sorted(found, key=lambda moment: (moment.frame, moment.kind))


def changes(values: Values, smoothing: float) -> list[Moment]:
    """Where a series changes fast against its whole range: a gripper that opens, a force that sets in.

    The change over a Gaussian of `smoothing` frames has a peak there that is at least a sixth of the range between the
    2nd and 98th percentile.

    Args:
        values: (n,) float32; NaN is bridged.
        smoothing: standard deviation in frames.

    Returns:
        Moments of the kind "change", by frame.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 3:
        return []
    whole = np.interp(np.arange(len(values)), known, values[known].astype(np.float64))
    low, high = np.quantile(whole, (0.02, 0.98))
    if high <= low:
        low, high = whole.min(), whole.max()
    if high <= low:
        return []
    steepness = np.abs(gaussian_filter1d(whole, max(0.5, smoothing), order=1)) * np.sqrt(2 * np.pi) * smoothing
    least = (high - low) / 6
    peaks, _ = find_peaks(steepness, height=least, prominence=least / 2, distance=max(1, round(2 * smoothing)))
    strength = np.minimum(1.0, steepness[peaks] / (high - low))
    return [Moment(int(at), "change", round(float(sure), 3)) for at, sure in zip(peaks, strength, strict=True)]


def read_csv(file: Path | io.BytesIO, seconds: Sequence[float], name: str = "") -> list[Column]:
    """The numeric columns of a CSV file that was recorded with a clip, one value per frame.

    The first line names the columns, with units as in "force [N]". One column, "frame" or "time" (also "seconds",
    "timestamp", "t"; seconds from the first frame), says where each row belongs; between the rows values are
    interpolated, beyond them they are not known.

    Args:
        file: the file, or what it holds.
        seconds: presentation time of every frame of the clip.
        name: what the file is called, where it is not told by its path.

    Returns:
        Columns in the file's order; those that hold no numbers are left out.

    Raises:
        EngineInputError: not a table, no column says where the rows belong, or it does not rise.
    """
    name = name or (file.name if isinstance(file, Path) else "The table")
    try:
        table = pa_csv.read_csv(file)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise EngineInputError(f"{name} cannot be read as a CSV table: {error}.") from error
    names = [title.strip().lower() for title in table.column_names]
    bare = [_UNIT.sub(r"\g<name>", title) for title in names]
    at = next((bare.index(place) for place in ("frame", *TIMES) if place in bare), None)
    if at is None:
        raise EngineInputError(f"{name} has no column called frame or time, so its rows belong nowhere; add one.")
    places = _numbers(table.column(at))
    if places is None or not len(places) or not np.isfinite(places).all() or np.any(np.diff(places) <= 0):
        raise EngineInputError(f"The column {table.column_names[at]} of {name} must hold numbers that rise.")
    wanted = np.arange(len(seconds), dtype=np.float64) if bare[at] == "frame" else np.asarray(seconds, np.float64)
    if len(wanted) and (places[-1] < wanted[0] or places[0] > wanted[-1]):
        raise EngineInputError(
            f"The rows of {name} lie from {places[0]:g} to {places[-1]:g}, and the clip from {wanted[0]:g} to "
            f"{wanted[-1]:g}; times are seconds from the first frame."
        )
    found = []
    for number, title in enumerate(table.column_names):
        values = _numbers(table.column(number)) if number != at and bare[number] not in ("frame", *TIMES) else None
        if values is None or not np.isfinite(values).any():
            continue
        held = np.isfinite(values)
        series = np.interp(wanted, places[held], values[held], left=np.nan, right=np.nan).astype(np.float32)
        parts = _UNIT.match(title.strip())
        found.append(Column(parts["name"] if parts else title.strip(), parts["unit"].strip() if parts else "", series))
    return found


def dump(columns: Sequence[Column]) -> bytes:
    """Columns as .npz without pickle, for `load`."""
    file = io.BytesIO()
    titles = json.dumps([[column.name, column.unit] for column in columns]).encode()
    values = np.stack([column.values for column in columns]) if columns else np.zeros((0, 0), np.float32)
    np.savez(file, titles=np.frombuffer(titles, dtype=np.uint8), values=values)
    return file.getvalue()


def load(path: Path) -> list[Column]:
    """What `dump` gave.

    Raises:
        OSError: there is no such file.
        EngineInputError: it is something else, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            titles, values = json.loads(stored["titles"].tobytes()), stored["values"]
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise EngineInputError(f"{path.name} holds no columns.") from error
    return [Column(name, unit, row) for (name, unit), row in zip(titles, values, strict=True)]


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """A column as (rows,) float64, NaN where it is empty; None when it holds something else."""
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)
    if not numeric:
        return None
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
