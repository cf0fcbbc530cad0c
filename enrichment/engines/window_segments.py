"""Action segments from one vector per window of frames: change points, then the action and phase with nearest texts.

The vectors are reduced to their main directions, scaled by their own noise (the median step between neighbours), and
cut by optimal partitioning with a price as in the Schwarz criterion (Yao, "Estimating the number of change-points via
Schwarz' criterion", 1988). Zero-shot classes as in CLIP (Radford et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enrichment.engines.change_points import change_points
from enrichment.engines.motion_actions import ActionSegment

_DIRECTIONS: Final = 8
_TEMPERATURE: Final = 100.0  # of the softmax over similarities, as CLIP learns it


def propose(
    vectors: NDArray[np.float32],
    starts: Sequence[int],
    *,
    window: int,
    frames: int,
    fps: float,
    classes: Mapping[str, NDArray[np.float32]],
    shortest: float,
    longest: float,
) -> list[ActionSegment]:
    """Cut a clip where what happens changes, and name each stretch.

    Args:
        vectors: (n, d) float32 of length 1, one a window.
        starts: (n,) first frame of each window, ascending.
        window: frames of a window.
        frames: of the clip.
        fps: frames per second.
        classes: by "action", "action/phase" or "/phase" a vector (d,) of length 1. Action and phase are chosen apart,
            unless the nearest of the actions says its phase itself; without any a segment has no class.
        shortest, longest: seconds of a segment.

    Returns:
        Primitives without gaps over the whole clip, in time, and before the first of each run of one action a task over
        the run. Empty without vectors.
    """
    if not len(vectors):
        return []
    stride = max(1, round(float(np.median(np.diff(starts))))) if len(starts) > 1 else window
    least = max(1, round(shortest * fps / stride))
    most = max(2 * least, round(longest * fps / stride))
    reduced = _reduced(vectors.astype(np.float64))
    price = 2.0 * reduced.shape[1] * float(np.log(max(len(reduced), 2)))
    bounds = change_points(reduced, price=price, shortest=least, longest=most)
    # A change between two windows lies half-way between their middles; the last ones reach beyond the clip's end.
    first_frames = np.asarray(starts)
    middles = (first_frames + np.minimum(first_frames + window, frames)) / 2
    edges = [0, *(round((middles[at - 1] + middles[at]) / 2) for at in bounds[1:-1]), frames]
    found: list[ActionSegment] = []
    for (first, last), (start, end) in zip(pairwise(bounds), pairwise(edges), strict=True):
        if end <= start:
            continue
        found.append(_primitive(start, end, vectors[first:last].mean(axis=0), classes))
    return [each for _, run in groupby(found, key=lambda each: each.action_class) for each in _with_task(list(run))]


def _primitive(
    start: int, end: int, vector: NDArray[np.float32], classes: Mapping[str, NDArray[np.float32]]
) -> ActionSegment:
    """Frames [start, end) with the nearest action and phase; little confidence where none are known."""
    names = {name: each for name, each in classes.items() if not name.startswith("/")}
    phases = {name: each for name, each in classes.items() if name.startswith("/")}
    name, sure = _named(vector, names)
    action, _, phase = name.partition("/")
    sure_of_phase = None
    if not phase and phases:
        name, sure_of_phase = _named(vector, phases)
        phase = name.removeprefix("/")
    both = sure if sure_of_phase is None else round(sure * sure_of_phase, 3)
    said = _sentences(action, phase)
    return ActionSegment(
        start, end, "primitive", action, phase, both, None, said, sure if action else None, sure_of_phase
    )


def _with_task(run: Sequence[ActionSegment]) -> list[ActionSegment]:
    """Primitives of one action that follow each other, behind their task; without an action there is none."""
    action = run[0].action_class
    if not action:
        return [*run]
    lengths = [each.end - each.start for each in run]
    sure = round(float(np.average([each.action_confidence or 0.0 for each in run], weights=lengths)), 3)
    said = _sentences(action, "")
    return [ActionSegment(run[0].start, run[-1].end, "task", action, "", sure, None, said, sure), *run]


def _reduced(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k) along the main directions, in units of the noise between neighbours."""
    centred = vectors - vectors.mean(axis=0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    kept = left[:, :_DIRECTIONS] * spread[:_DIRECTIONS]
    if len(kept) < 3:
        return kept
    # Half of a squared step is one variance; the median passes over the changes themselves.
    noise = np.sqrt(np.median(np.diff(kept, axis=0) ** 2) / 2 / 0.455)
    return np.asarray(kept / max(float(noise), 1e-6))


def _named(vector: NDArray[np.float32], classes: Mapping[str, NDArray[np.float32]]) -> tuple[str, float]:
    """The nearest class and its softmax share; no class, and little confidence, where none are known."""
    if not classes:
        return "", 0.3
    names = list(classes)
    near = np.array([float(vector @ classes[name]) for name in names]) / max(float(np.linalg.norm(vector)), 1e-6)
    shares = np.exp(_TEMPERATURE * (near - near.max()))
    best = int(np.argmax(near))
    return names[best], round(float(shares[best] / shares.sum()), 3)


def _sentences(action: str, phase: str) -> tuple[str, str, str]:
    words = " ".join(part.replace("_", " ").replace("-", " ") for part in (phase, action) if part) or "something"
    return (f"Do: {words}.", f"Carry out {words}.", f"What is done here is {words}.")
