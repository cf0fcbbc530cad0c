"""Two sets of vectors: by their cosine; where they lie in different spaces, by what each keyframe is near to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enrichment.comparison import Comparer, Differences, Side, register
from enrichment.layers.embeddings import VectorReader, Vectors

_SPACES = (
    "The versions' vectors lie in different spaces, so their cosine means nothing; compared is to which other "
    "keyframes each one is similar."
)


@register
class Embeddings(Comparer):
    """Of the first engine of each version, at the keyframes that both have."""

    layers = ("embeddings",)

    def compare(self, before: Side, after: Side) -> Differences:
        """Cosine for one engine; correlation of similarities (Kriegeskorte et al. 2008) for two."""
        old, new = before.open(), after.open()
        both = sorted({*old.frames} & {*new.frames})
        a, b = (reader.read()[[reader.frames.index(frame) for frame in both]] for reader in (old, new))
        alone = len({*old.frames} ^ {*new.frames})
        remarks = [f"{alone} keyframes are in one version only, and are left out."] if alone else []
        if _engine(old) == _engine(new) and a.shape == b.shape:
            cosines = np.sum(a * b, axis=1)
            return Differences("cosine of vectors", "", 1.0, _by_frame(both, cosines), remarks=remarks)
        if len(both) < 4:
            return Differences(remarks=[_SPACES, "With fewer than four keyframes that cannot be said.", *remarks])
        near = neighbourhoods(a, b)
        return Differences("correlation of similarities", "", 1.0, _by_frame(both, near), remarks=[_SPACES, *remarks])

    def words(self, side: Side, frame: int) -> list[str]:
        """Whether there is a vector."""
        reader: VectorReader = side.open()
        if frame not in reader.frames:
            return ["no keyframe"]
        return [f"{reader.meta['dimensions']} dimensions by {' and '.join(reader.engines)}"]


def neighbourhoods(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    """Pearson's correlation of each row's similarities to the other rows, -1 to 1: (n,) for (n, d) and (n, e) vectors.

    A row whose similarities are all one number counts as 1 when both are, else as 0.
    """
    first, second = a.astype(np.float64) @ a.T, b.astype(np.float64) @ b.T
    others = ~np.eye(len(a), dtype=bool)
    found = []
    for row in range(len(a)):
        x, y = first[row, others[row]], second[row, others[row]]
        if x.std() < 1e-9 or y.std() < 1e-9:
            found.append(float(x.std() < 1e-9 and y.std() < 1e-9))
        else:
            found.append(float(np.corrcoef(x, y)[0, 1]))
    return np.array(found)


def _engine(reader: VectorReader) -> str:
    """Name, version and hash of the weights: other weights are another space."""
    first = reader.meta["engines"][0]
    return f"{first['engine']} {first['engine_version']}"


def _by_frame(frames: list[int], values: NDArray[np.floating]) -> dict[int, float]:
    return {frame: float(value) for frame, value in zip(frames, values, strict=True)}
