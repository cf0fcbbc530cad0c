"""When things are carried about: stretches of their motion that lead somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter


@dataclass(frozen=True)
class Carry:
    """A thing under way in rows [start, end).

    track: its number. velocity: (n, 2) float64 pixels per frame in every row of the clip, zero where it is not known.
    """

    track: int
    start: int
    end: int
    velocity: NDArray[np.float64]

    @property
    def speed(self) -> NDArray[np.float64]:
        """(n,) float64 pixels per frame."""
        return np.asarray(np.linalg.norm(self.velocity, axis=1), dtype=np.float64)

    def way(self, start: int, end: int) -> float:
        """How far it gets, net, in rows [start, end), in pixels."""
        return float(np.hypot(*self.velocity[max(0, start) : max(0, end)].sum(axis=0)))


def carries_of(
    things: Mapping[int, NDArray[np.float64]],
    *,
    least_speed: float,
    least_way: float,
    least_rows: int,
    longest_gap: int,
) -> list[Carry]:
    """Find where things are carried.

    Args:
        things: track number to (n, 2) velocity in pixels per frame, NaN where it is not known.
        least_speed: pixels per frame, above which a thing moves.
        least_way: pixels that it must get away from where it began, or the motion is jostling and noise.
        least_rows: shorter motion is something that passes in front.
        longest_gap: rows of rest that do not end a carry.

    Returns:
        By track, then by start.
    """
    found = []
    for track, known in sorted(things.items()):
        velocity = median_filter(np.nan_to_num(known), size=(3, 1), mode="nearest")
        moves = np.linalg.norm(velocity, axis=1) > least_speed
        edges = np.flatnonzero(np.diff(np.concatenate([[False], moves, [False]]).astype(np.int8)))
        runs: list[tuple[int, int]] = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if runs and start - runs[-1][1] <= longest_gap:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        for start, end in runs:
            farthest = np.linalg.norm(np.cumsum(velocity[start:end], axis=0), axis=1).max()
            if farthest >= least_way and end - start >= least_rows:
                found.append(Carry(track, start, end, velocity))
    return found
