"""What many vectors have in common: clusters, near-duplicates, diversity. Arrays only.

Vectors are (n, dimensions) float32, each row of length 1, so that the product of two rows is their cosine. Sources:
Sculley, "Web-Scale K-Means Clustering", WWW 2010 (mini-batches); Campello, Moulavi and Sander, PAKDD 2013 (HDBSCAN);
Friedman and Dieng, "The Vendi Score", TMLR 2023; Johnson, Douze and Jégou, "Billion-Scale Similarity Search with GPUs",
2019 (FAISS).
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

Vectors = NDArray[np.float32]

NEAR: Final = 0.95
# Up to here every vector is compared with every other one; beyond, an index finds most neighbours in a fraction of it.
EXACT_UP_TO: Final = 100_000
# HDBSCAN as scikit-learn has it holds all distances within reach.
MOST_FOR_HDBSCAN: Final = 50_000
_ROWS: Final = 2048
_NEIGHBOURS: Final = 64


def kmeans(vectors: Vectors, k: int) -> NDArray[np.int64]:
    """The cluster of each row, 0 to at most k - 1, numbered by size; the same for the same vectors.

    Raises:
        EngineInputError: there are no vectors, or k is less than 1.
    """
    if k < 1 or len(vectors) == 0:
        raise EngineInputError(f"{len(vectors)} vectors cannot be put into {k} clusters.")
    fitted = _library("sklearn.cluster").MiniBatchKMeans(
        n_clusters=min(k, len(np.unique(vectors, axis=0))), random_state=0, n_init=3, batch_size=_ROWS
    )
    return by_size(np.asarray(fitted.fit_predict(vectors), dtype=np.int64))


def hdbscan(vectors: Vectors, least: int) -> NDArray[np.int64]:
    """The cluster of each row, numbered by size; -1 for what belongs to none.

    It looks for what stands apart from each other, and so finds nothing where there is one kind only: then rows that
    nearly repeat one of them are a cluster.

    Args:
        vectors: see above.
        least: rows that make a cluster.

    Raises:
        EngineInputError: there are fewer vectors than make a cluster, or too many for this method.
    """
    if len(vectors) > MOST_FOR_HDBSCAN:
        raise EngineInputError(
            f"HDBSCAN compares all of {len(vectors)} vectors, which is too much beyond {MOST_FOR_HDBSCAN}; use k-means."
        )
    if least < 2 or len(vectors) < least:
        raise EngineInputError(f"{len(vectors)} vectors hold no cluster of {least} or more.")
    # On the unit sphere the Euclidean distance grows with the angle, and its tree is much faster than the cosine's.
    fitted = _library("sklearn.cluster").HDBSCAN(min_cluster_size=least, copy=True)
    labels = np.asarray(fitted.fit_predict(vectors), dtype=np.int64)
    return by_size(labels if (labels >= 0).any() else _alike(vectors, least))


def by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters numbered anew, the largest 0, equals in the order of their first row; -1 stays."""
    found, first, counts = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    number = {int(found[at]): rank for rank, at in enumerate(order)}
    return np.array([number.get(int(label), -1) for label in labels], dtype=np.int64)


def near_duplicates(
    vectors: Vectors, threshold: float = NEAR, exact_up_to: int = EXACT_UP_TO
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which earlier row each row nearly repeats.

    A row that repeats none is kept and stands for those that repeat it: every duplicate is as near as the threshold to
    the kept row that is named, not only to a chain of others.

    Args:
        vectors: see above.
        threshold: a cosine above this is a near-duplicate.
        exact_up_to: more rows than this are searched with an index, which misses a few pairs.

    Returns:
        (n,) int64: the kept row, or -1 for a row that is kept; (n,) float32: the cosine with it, 0 for a kept row.
    """
    of = np.full(len(vectors), -1, dtype=np.int64)
    cosine = np.zeros(len(vectors), dtype=np.float32)
    if len(vectors) > exact_up_to:
        near, neighbours = _indexed(vectors)
        for row in range(len(vectors)):
            earlier = (neighbours[row] >= 0) & (neighbours[row] < row) & (near[row] > threshold)
            kept = earlier & (of[np.maximum(neighbours[row], 0)] < 0)
            if kept.any():
                nearest = int(np.argmax(np.where(kept, near[row], -np.inf)))
                of[row], cosine[row] = neighbours[row, nearest], near[row, nearest]
        return of, cosine
    kept_rows: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS]
        best, at = _nearest(block, vectors[kept_rows])
        repeats = best > threshold
        of[start : start + len(block)][repeats] = kept_rows[at[repeats]]
        cosine[start : start + len(block)][repeats] = best[repeats]
        fresh = _within(block, start, np.flatnonzero(~repeats), threshold, of, cosine)
        kept_rows = np.concatenate([kept_rows, fresh])
    return of, cosine


def diversity(vectors: Vectors) -> tuple[float, float]:
    """How much the rows differ.

    Returns:
        The mean cosine distance of two rows, 0 (all alike) to 2; and the Vendi score, the number of rows that, each
        unlike all others, would differ as much: 1 (all alike) to n.

    Raises:
        EngineInputError: there are no vectors.
    """
    count = len(vectors)
    if count == 0:
        raise EngineInputError("No vectors have no diversity.")
    if count == 1:
        return 0.0, 1.0
    exact = vectors.astype(np.float64)
    total = float(np.square(exact.sum(axis=0)).sum())
    mean_distance = 1.0 - (total - count) / (count * (count - 1))
    # The products among rows and those among columns share their eigenvalues; the smaller matrix is quicker.
    product = exact @ exact.T if count <= exact.shape[1] else exact.T @ exact
    share = np.linalg.eigvalsh(product / count)
    share = share[share > 1e-12]
    return max(0.0, mean_distance), float(np.exp(-(share * np.log(share)).sum()))


def _alike(vectors: Vectors, least: int) -> NDArray[np.int64]:
    """A cluster of each `least` or more rows that nearly repeat the same one; -1 elsewhere."""
    of, _ = near_duplicates(vectors)
    leader = np.where(of < 0, np.arange(len(vectors)), of)
    return np.where(np.bincount(leader, minlength=len(vectors))[leader] >= least, leader, -1)


def _nearest(rows: Vectors, kept: Vectors) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The largest cosine of each row with the kept ones, and with which; below every threshold when none are kept."""
    best = np.full(len(rows), -2.0, dtype=np.float32)
    at = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(kept), 8 * _ROWS):
        cosines = rows @ kept[start : start + 8 * _ROWS].T
        here = cosines.argmax(axis=1)
        value = cosines[np.arange(len(rows)), here]
        better = value > best
        best[better], at[better] = value[better], here[better] + start
    return best, at


def _within(
    block: Vectors,
    start: int,
    left: NDArray[np.int64],
    threshold: float,
    of: NDArray[np.int64],
    cosine: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Settle the rows of a block that repeat nothing before it, one after the other; returns those that are kept."""
    kept: list[int] = []
    cosines = block[left] @ block[left].T
    for place, row in enumerate(left):
        if kept:
            best = int(np.argmax(cosines[place, kept]))
            if cosines[place, kept[best]] > threshold:
                of[start + row], cosine[start + row] = start + left[kept[best]], cosines[place, kept[best]]
                continue
        kept.append(place)
    return start + left[np.array(kept, dtype=np.int64)]


def _indexed(vectors: Vectors) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosines and numbers of each row's nearest rows, by an index over cells; -1 where there are fewer."""
    faiss = _library("faiss")
    cells = max(1, int(4 * np.sqrt(len(vectors))))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: max(1, len(vectors) // (64 * cells))])
    index.add(vectors)
    index.nprobe = min(cells, 16)
    near, neighbours = index.search(vectors, min(_NEIGHBOURS, len(vectors)))
    return np.asarray(near, np.float32), np.asarray(neighbours, np.int64)


def _library(name: str) -> Any:
    """A library that only this needs, and that takes a second to import."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise EngineInputError(
            f"This needs the package {error.name}, which is not installed; `make models` installs it."
        ) from error
