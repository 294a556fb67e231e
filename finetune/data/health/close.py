"""Find the pairs that are alike among tens of thousands of images, part by part: no list of all pairs is made. Pure.

Where hashes are spread, multi-index hashing compares few of them (Norouzi, Punjani, Fleet, *Fast search in Hamming
space with multi-index hashing*, CVPR 2012): of the four 16-bit bands of two hashes that are `MOST_BITS` apart one
differs in at most one bit, so only images that share a band, or nearly, are compared. Where many are alike, such as
the frames of a camera that does not move, all are compared with all, tile by tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finetune.data.health.near import MOST_BITS, Pictures

_BAND_BITS = 16
_BANDS = 64 // _BAND_BITS
_FLIPS = (0, *(1 << bit for bit in range(_BAND_BITS)))
_TOGETHER = 1 << 19
"""Candidates that are compared at once: about 30 MB."""

_TILE_ROWS, _TILE_COLUMNS = 512, 2048
_COST = 16
"""A candidate of the bands costs as much as this many comparisons in a tile."""

_DENSE_SHARE = 0.02
"""From so many close pairs in a tile on, the product of all its thumbnails is faster than one pair after another."""


class Part(Protocol):
    """Some of the pairs (i, j), i < j, that are alike."""

    def __len__(self) -> int:
        """Return how many pairs these are."""

    def add_to(self, counts: np.ndarray) -> None:
        """Add one to ``counts`` of both images of each pair."""

    def pairs(self, groups: np.ndarray | None = None) -> np.ndarray:
        """Return them as m x 2; with ``groups``, a number for each image, only those of two groups."""


@dataclass(frozen=True)
class PairList:
    """A `Part` that is a list of pairs, m x 2."""

    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def add_to(self, counts: np.ndarray) -> None:
        """Add one to ``counts`` of both images of each pair."""
        counts += np.bincount(self.values.ravel(), minlength=len(counts))

    def pairs(self, groups: np.ndarray | None = None) -> np.ndarray:
        """Return them as m x 2; with ``groups``, a number for each image, only those of two groups."""
        if groups is None:
            return self.values
        apart: np.ndarray = self.values[groups[self.values[:, 0]] != groups[self.values[:, 1]]]
        return apart


@dataclass(frozen=True)
class Tile:
    """A `Part` that says for each of r rows and each of c columns whether they are alike, r x c: a byte a pair."""

    rows: np.ndarray
    columns: np.ndarray
    alike: np.ndarray

    def __len__(self) -> int:
        return int(np.count_nonzero(self.alike))

    def add_to(self, counts: np.ndarray) -> None:
        """Add one to ``counts`` of both images of each pair."""
        counts[self.rows] += np.count_nonzero(self.alike, axis=1)
        counts[self.columns] += np.count_nonzero(self.alike, axis=0)

    def pairs(self, groups: np.ndarray | None = None) -> np.ndarray:
        """Return them as m x 2; with ``groups``, a number for each image, only those of two groups."""
        wanted = self.alike
        if groups is not None:
            wanted = wanted & (groups[self.rows, None] != groups[self.columns])
        places = np.nonzero(wanted)
        return np.stack([self.rows[places[0]], self.columns[places[1]]], axis=1)


def alike_pairs(pictures: Pictures) -> Iterator[Part]:
    """Yield the pairs (i, j), i < j, that show the same picture, each once, in no order."""
    n = len(pictures.hashes)
    if n > _TILE_COLUMNS and _COST * n_candidates(pictures) < n * n // 2:
        return alike_by_bands(pictures)
    return alike_by_tiles(pictures)


def alike_by_bands(pictures: Pictures) -> Iterator[Part]:
    """Yield what `alike_pairs` does, by multi-index hashing: fast where few hashes are close."""
    for pairs in close_pairs(pictures.hashes, pictures.others):
        yield PairList(pairs[pictures.are_same(pairs)])


def alike_by_tiles(pictures: Pictures) -> Iterator[Part]:
    """Yield what `alike_pairs` does, comparing all with all: fast where many pairs are alike."""
    n = len(pictures.hashes)
    for top in range(0, n, _TILE_ROWS):
        rows = np.arange(top, min(n, top + _TILE_ROWS))
        for left in range(top, n, _TILE_COLUMNS):
            columns = np.arange(left, min(n, left + _TILE_COLUMNS))
            distances = np.bitwise_count(pictures.hashes[rows, None] ^ pictures.others[columns])
            close = distances <= MOST_BITS
            if left == top:
                close &= rows[:, None] < columns
            n_close = np.count_nonzero(close)
            if n_close > _DENSE_SHARE * close.size:
                yield Tile(rows, columns, close & pictures.are_all_same(rows, columns))
            elif n_close:
                pairs = Tile(rows, columns, close).pairs()
                yield PairList(pairs[pictures.are_same(pairs)])


def n_candidates(pictures: Pictures) -> int:
    """Return how many comparisons `alike_by_bands` makes."""
    total = 0
    for band in range(_BANDS):
        mine, theirs = _bands(pictures.hashes, band), _bands(pictures.others, band)
        counts = np.bincount(theirs, minlength=1 << _BAND_BITS)
        total += sum(int(counts[mine ^ flipped].sum()) for flipped in _FLIPS)
    return total


def close_pairs(hashes: np.ndarray, others: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pairs (i, j), i < j, with ``hashes[i]`` and ``others[j]`` at most `MOST_BITS` apart, each once."""
    for band in range(_BANDS):
        mine, theirs = _bands(hashes, band), _bands(others, band)
        order = np.argsort(theirs, kind="stable")
        counts = np.bincount(theirs, minlength=1 << _BAND_BITS)
        first = np.cumsum(counts) - counts
        for flipped in _FLIPS:
            for i, ranks in _expanded(first[mine ^ flipped], counts[mine ^ flipped]):
                j = order[ranks]
                differing = hashes[i] ^ others[j]
                near = np.flatnonzero((i < j) & (np.bitwise_count(differing) <= MOST_BITS))
                near = near[~_is_of_earlier_band(differing[near], band)]
                if len(near):
                    yield np.stack([i[near], j[near]], axis=1)


def _bands(hashes: np.ndarray, band: int) -> np.ndarray:
    shifted = hashes >> np.uint64(band * _BAND_BITS)
    return (shifted & np.uint64((1 << _BAND_BITS) - 1)).astype(np.int64)


def _is_of_earlier_band(differing: np.ndarray, band: int) -> np.ndarray:
    """Whether a band before ``band`` differs in a bit at most, so that the pair was found there."""
    found = np.zeros(len(differing), bool)
    for earlier in range(band):
        found |= np.bitwise_count(_bands(differing, earlier)) <= 1
    return found


def _expanded(first: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row i once for each of its ``counts[i]`` ranks from ``first[i]`` on, `_TOGETHER` or one row at a time."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _TOGETHER, side="right")))
        some = counts[start:stop]
        if total := int(some.sum()):
            rows = np.repeat(np.arange(start, stop), some)
            offsets = np.arange(total) - np.repeat(np.cumsum(some) - some, some)
            yield rows, np.repeat(first[start:stop], some) + offsets
        start = stop
