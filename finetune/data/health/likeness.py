"""Who is alike whom among n images: few pairs are kept in a list, many are found again when they are asked for. Pure.

Twenty thousand frames of a camera that does not move make two hundred million pairs, which no memory should hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from finetune.data.health.close import PairList, Part, alike_pairs
from finetune.data.health.near import Pictures

MOST_LISTED = 1 << 18
"""Pairs beyond this are not kept; a list of so many takes about 30 MB while it is sorted."""


class Likeness(Protocol):
    """Pairs of n rows that are alike; ``counts`` says for each row with how many others it is."""

    counts: np.ndarray

    def neighbours(self, row: int) -> np.ndarray:
        """Return the rows that ``row`` is alike, rising."""

    def parts(self) -> Iterator[Part]:
        """Yield all pairs (i, j), i < j, each once."""


def likeness_of(pictures: Pictures, *, most_listed: int = MOST_LISTED) -> Likeness:
    """Find who is alike whom, in memory that does not grow with the number of pairs."""
    n = len(pictures.hashes)
    counts, kept, total = np.zeros(n, np.int64), [np.zeros((0, 2), np.int64)], 0
    for part in alike_pairs(pictures):
        part.add_to(counts)
        total += len(part)
        if total <= most_listed:
            kept.append(part.pairs())
        else:
            kept.clear()
    return Listed(np.concatenate(kept), n) if total <= most_listed else Asked(pictures, counts)


class Listed:
    """A `Likeness` that is a list of pairs, m x 2, each once."""

    def __init__(self, pairs: np.ndarray, n: int) -> None:
        both = np.concatenate([pairs, pairs[:, ::-1]])
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        self._others = both[:, 1]
        self._starts = np.searchsorted(both[:, 0], np.arange(n + 1))
        self._pairs = pairs
        self.counts = np.diff(self._starts)

    def neighbours(self, row: int) -> np.ndarray:
        """Return the rows that ``row`` is alike, rising."""
        return self._others[self._starts[row] : self._starts[row + 1]]

    def parts(self) -> Iterator[Part]:
        """Yield all pairs at once."""
        yield PairList(self._pairs)


class Asked:
    """A `Likeness` that looks for neighbours whenever it is asked."""

    def __init__(self, pictures: Pictures, counts: np.ndarray) -> None:
        self._pictures = pictures
        self.counts = counts

    def neighbours(self, row: int) -> np.ndarray:
        """Return the rows that ``row`` is alike, rising."""
        near = self._pictures.close_to(row)
        pairs = np.stack([np.minimum(near, row), np.maximum(near, row)], axis=1)
        alike: np.ndarray = near[self._pictures.are_same(pairs)]
        return alike

    def parts(self) -> Iterator[Part]:
        """Yield all pairs, found anew."""
        return alike_pairs(self._pictures)
