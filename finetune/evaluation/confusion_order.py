"""Order the classes of a confusion matrix so that those that are taken for each other stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ORDERED = 400
"""Beyond it the order of the leaves, which costs K³, would be waited for."""


def confusion_order(confusion: NDArray[np.int64]) -> list[int]:
    """Return the classes of a K x K ``confusion`` (rows the truth) in an order with confused ones as neighbours.

    Hierarchical clustering by average linkage, the leaves ordered for the least distance between neighbours
    (Bar-Joseph, Gifford and Jaakkola, *Fast optimal leaf ordering*, Bioinformatics 2001). Two classes are the nearer
    the larger the share of their images is that is called the other. Without confusion the order stays as it is.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    n_classes = len(confusion)
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    nearness = (shares + shares.T) / 2
    np.fill_diagonal(nearness, 0.0)
    if n_classes < 3 or n_classes > MOST_ORDERED or not nearness.any():
        return list(range(n_classes))
    distances = 1.0 - nearness
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


@dataclass(frozen=True)
class Confused:
    """``n`` of the ``of`` images of class ``truth`` were called ``called``."""

    truth: str
    called: str
    n: int
    of: int

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def most_confused(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str], *, most: int = 20
) -> list[Confused]:
    """Return the pairs of classes with the most mistakes, the larger share of its class first among equals."""
    pairs = [
        Confused(class_names[row], class_names[column], count, sum(counts))
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair.n, -pair.n / pair.of, pair.truth, pair.called))[:most]
