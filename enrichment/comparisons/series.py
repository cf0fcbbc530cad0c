"""Two versions of numbers by frame: metadata's measures, and loudness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.parquet as pq

from enrichment.comparison import (
    MOST_ROWS,
    Comparer,
    Differences,
    Side,
    beyond,
    fields_apart,
    frames_of,
    register,
    sampled,
)
from enrichment.layers import metadata


@register
class Metadata(Comparer):
    """The clip's fields one by one, and the frames' measures by their mean relative difference."""

    layers = ("metadata",)

    def compare(self, before: Side, after: Side) -> Differences:
        """On the frames that both measured."""
        old, new = _measures(before), _measures(after)
        values = {frame: relative(old[frame], new[frame]) for frame in sorted({*old} & {*new})}
        rows = fields_apart(before.json(metadata.JSON_FILE), after.json(metadata.JSON_FILE))
        alone = len({*old} ^ {*new})
        remarks = [f"{alone} frames were measured by one version only, and are left out."] if alone else []
        return Differences("relative difference of measures", "", 0.0, values, rows[:MOST_ROWS], remarks + beyond(rows))

    def words(self, side: Side, frame: int) -> list[str]:
        """The measures of the frame."""
        there = _measures(side).get(frame)
        if there is None:
            return ["not measured"]
        return [f"{name.replace('_', ' ')}: {value:.4g}" for name, value in there.items()]


@register
class Loudness(Comparer):
    """In decibels."""

    layers = ("audio",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Frames without sound in one version have no figure."""
        old, new = before.open(), after.open()
        count = min(len(old), len(new))
        apart = np.abs(old[:count].astype(np.float64) - new[:count])
        values = {frame: float(apart[frame]) for frame in frames_of(count) if np.isfinite(apart[frame])}
        remarks = sampled(count)
        if bool(np.isnan(old).all()) != bool(np.isnan(new).all()):
            remarks.insert(0, "Only one of the versions heard any sound.")
        return Differences("difference of loudness", "dB", 0.0, values, remarks=remarks)

    def words(self, side: Side, frame: int) -> list[str]:
        """How loud it is."""
        value = float(side.open()[frame])
        return [f"{value:.1f} dBFS" if np.isfinite(value) else "no sound"]


def relative(a: dict[str, float], b: dict[str, float]) -> float:
    """Mean of |x - y| / max(|x|, |y|) over the measures that both have, 0-2; 0 where both are 0."""
    names = [name for name in a if name in b]
    parts = [abs(a[name] - b[name]) / max(abs(a[name]), abs(b[name]), 1e-9) for name in names]
    return float(np.mean(parts)) if parts else 0.0


def _measures(side: Side) -> dict[int, dict[str, float]]:
    """The finite numbers of each measured frame, by name."""
    rows: list[dict[str, Any]] = pq.read_table(side.folder.local(metadata.TABLE_FILE)).to_pylist()
    return {int(row["frame"]): _numbers(row) for row in rows}


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    told = {
        name: value for name, value in row.items() if not name.startswith("clip_") and name not in {"frame", "seconds"}
    }
    return {name: float(value) for name, value in told.items() if isinstance(value, int | float) and np.isfinite(value)}
