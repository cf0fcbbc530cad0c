"""Two ways of hands and grippers: by how far their points lie apart, in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enrichment.comparison import MOST_ROWS, Comparer, Differences, Row, Side, beyond, register
from enrichment.layers import end_effector


@register
class EndEffector(Comparer):
    """Mean distance by frame, of tracks with the same number and label.

    In pixels, because these are known whether or not depth gives metres.
    """

    layers = ("end_effector",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Tracks that only one version has, and what the numbers in space are, are listed where they differ."""
        old, new = _tracks(before), _tracks(after)
        rows = []
        for key in sorted({*old} ^ {*new}):
            said = f"{key[1]} {key[0]}"
            rows.append(Row(None, "track", said if key in old else "–", said if key in new else "–"))
        kinds = [str(side.json(end_effector.META_FILE)["kind"]) for side in (before, after)]
        if kinds[0] != kinds[1]:
            rows.append(Row(None, "in space", *kinds))
        shared = [np.linalg.norm(old[key] - new[key], axis=1) for key in sorted({*old} & {*new})]
        values = {}
        for frame in range(len(shared[0]) if shared else 0):
            known = [lengths[frame] for lengths in shared if np.isfinite(lengths[frame])]
            if known:
                values[frame] = float(np.mean(known))
        remarks = [str(side.json(end_effector.META_FILE)["nothing_because"]) for side in (before, after)]
        told = [*dict.fromkeys(each for each in remarks if each), *beyond(rows)]
        return Differences("distance of the points", "px", 0.0, values, rows[:MOST_ROWS], told)

    def words(self, side: Side, frame: int) -> list[str]:
        """Where each point is."""
        at = {key: points[frame] for key, points in _tracks(side).items()}
        return [f"{label} {number} at {x:.0f}, {y:.0f} px" for (number, label), (x, y) in at.items() if np.isfinite(x)]


def _tracks(side: Side) -> dict[tuple[int, str], NDArray[np.float64]]:
    """(frames, 2) pixels by number and label."""
    with side.folder.local(end_effector.PIXELS_FILE).open("rb") as file:
        pixels = np.asarray(np.load(file, allow_pickle=False), dtype=np.float64)
    meta = side.json(end_effector.META_FILE)["tracks"]
    return {(int(each["number"]), str(each["label"])): pixels[row] for row, each in enumerate(meta)}
