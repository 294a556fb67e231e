"""Do two images show the same picture? Their hashes say that they may, thumbnails and features that they do. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MOST_BITS = 7
"""Hashes this close make a candidate: unrelated pictures differ in 32 of the 64 bits, give or take 4."""

LEAST_CORRELATION = 0.96
"""Candidates whose 16 x 16 thumbnails correlate at least so well show the same picture.

Set on sign-language digits, CIFAR-10 and photographs, each saved anew at JPEG quality 30 to 90 or at 50 to 200 % of
its size: all of those 324 pairs lie above it, and of the pairs that nobody made only true repetitions of CIFAR-10.
"""

LEAST_COSINE = 0.6
"""With features of both, their cosine must be this high too.

Of EfficientNet-Lite0 324 copies such as those above lie at 0.63 and higher (0.9 would turn a third of them down), and
of pairs of unrelated images 4 % of photographs and 8 % of CIFAR-10 do.
"""

LEAST_CONTRAST = 1.0
"""Images with a smaller standard deviation of grey values (0 to 255) show nothing that could be compared."""

_ROWS = 1024


class Features(NamedTuple):
    """Features of some of n images: ``place[i]`` is image i's row in ``one`` and ``other``, each m x d of length 1.

    ``one`` is for the first of a pair and ``other`` for the second, where that one is mirrored of its mirror image.
    """

    place: np.ndarray
    one: np.ndarray
    other: np.ndarray


@dataclass(frozen=True)
class Pictures:
    """What n images are compared by, as pairs of rows (i, j), i < j.

    ``hashes`` and ``others`` are the unsigned 64-bit hashes of the first and of the second of a pair: where pairs are
    ``mirrored`` the second is turned round. ``thumbs`` gives for m rows m x side x side grey values. Pairs must agree
    in ``features`` too where given, which all images have that may be asked for.
    """

    hashes: np.ndarray
    others: np.ndarray
    thumbs: Callable[[np.ndarray], np.ndarray]
    mirrored: bool = False
    features: Features | None = None

    def close_to(self, row: int) -> np.ndarray:
        """Return the rows, rising, whose hash is at most `MOST_BITS` from that of ``row``."""
        before = np.bitwise_count(self.hashes[:row] ^ self.others[row]) <= MOST_BITS
        behind = np.bitwise_count(self.hashes[row] ^ self.others[row + 1 :]) <= MOST_BITS
        return np.concatenate([np.flatnonzero(before), row + 1 + np.flatnonzero(behind)])

    def are_same(self, pairs: np.ndarray) -> np.ndarray:
        """Return for each of m x 2 ``pairs`` whether both show the same picture."""
        parts = [self._are_same(pairs[start : start + _ROWS]) for start in range(0, len(pairs), _ROWS)]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def _are_same(self, pairs: np.ndarray) -> np.ndarray:
        one, other = self._standardised(pairs[:, 0]), self._standardised(pairs[:, 1], second=True)
        same: np.ndarray = np.einsum("ij,ij->i", one, other) >= LEAST_CORRELATION
        if self.features is not None:
            place, one, other = self.features
            cosines = np.einsum("ij,ij->i", one[place[pairs[:, 0]]], other[place[pairs[:, 1]]])
            same &= cosines >= LEAST_COSINE
        return same

    def are_all_same(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return for each of ``rows`` and each of ``columns`` whether both show the same picture, r x c."""
        one, other = self._standardised(rows), self._standardised(columns, second=True)
        same: np.ndarray = one @ other.T >= LEAST_CORRELATION
        if self.features is not None:
            place, one, other = self.features
            same &= one[place[rows]] @ other[place[columns]].T >= LEAST_COSINE
        return same

    def _standardised(self, rows: np.ndarray, *, second: bool = False) -> np.ndarray:
        """Return the thumbnails of m ``rows``, m x side², so that their products are correlations."""
        thumbs = self.thumbs(rows)
        if second and self.mirrored:
            thumbs = thumbs[:, :, ::-1]
        values = thumbs.reshape(len(rows), -1).astype(np.float32)
        values -= values.mean(axis=1, keepdims=True)
        values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
        return values
