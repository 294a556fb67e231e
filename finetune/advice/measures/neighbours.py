"""How often an image's nearest neighbours in feature space have its class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finetune.model.features import FloatArray

NEIGHBOURS = 10


def neighbour_accuracy(features: FloatArray, labels: NDArray[np.str_], *, k: int = NEIGHBOURS) -> float:
    """Return the leave-one-out accuracy, in [0, 1], of the vote of the ``k`` nearest by cosine.

    ``features`` n x d, ``labels`` n, n >= 2. A tie goes to the class of the nearest among the tied. In 42,000 runs
    this foretold a transfer's accuracy better than 23 scores made for it (Sorkhei et al., *k-NN as a simple and
    effective estimator of transferability*, 2025, arXiv 2503.18528).
    """
    from sklearn.neighbors import NearestNeighbors

    k = min(k, len(features) - 1)
    search = NearestNeighbors(n_neighbors=k + 1, metric="cosine").fit(features)
    found = search.kneighbors(features, return_distance=False)
    right = 0
    for row, neighbours in enumerate(found):
        others = [int(other) for other in neighbours if other != row][:k]
        right += bool(_vote(labels[others]) == labels[row])
    return right / len(features)


def neighbour_calls(
    features: FloatArray, labels: NDArray[np.str_], asked: FloatArray, *, k: int = NEIGHBOURS
) -> NDArray[np.str_]:
    """Return what the ``k`` nearest by cosine of the n ``features`` call each of the m x d rows ``asked``.

    The vote is that of `neighbour_accuracy`.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(features)), metric="cosine").fit(features)
    return np.array([_vote(labels[row]) for row in search.kneighbors(asked, return_distance=False)])


def _vote(labels: NDArray[np.str_]) -> np.str_:
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    best = np.lexsort((first, -counts))[0]
    winner: np.str_ = names[best]
    return winner
