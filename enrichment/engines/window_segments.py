"""Action segments from one vector per window of frames: change points, then the class whose text is nearest.

The vectors are reduced to their main directions, scaled by their own noise (the median step between neighbours), and
cut by optimal partitioning with a price as in the Schwarz criterion (Yao, "Estimating the number of change-points via
Schwarz' criterion", 1988). Zero-shot classes as in CLIP (Radford et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
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
        classes: by "action" or "action/phase" a vector (d,) of length 1; none leaves segments without a class.
        shortest, longest: seconds of a segment.

    Returns:
        Primitives without gaps over the whole clip, in time; empty without vectors.
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
    found = []
    for (first, last), (start, end) in zip(pairwise(bounds), pairwise(edges), strict=True):
        if end <= start:
            continue
        name, sure = _named(vectors[first:last].mean(axis=0), classes)
        action, _, phase = name.partition("/")
        found.append(ActionSegment(start, end, "primitive", action, phase, sure, None, _sentences(action, phase)))
    return found


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
