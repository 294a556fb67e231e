"""Pairs of images whose perceptual hashes are close, and those of them that show the same picture. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MOST_BITS = 7
"""Hashes this close make a candidate: unrelated pictures differ in 32 of the 64 bits, give or take 4."""

LEAST_CORRELATION = 0.96
"""Candidates whose 16 x 16 thumbnails correlate at least so well show the same picture.

Set on sign-language digits, CIFAR-10 and photographs, each saved anew at JPEG quality 30 to 90 or at 50 to 200 % of
its size: all of those 324 pairs lie above it, and of the pairs that nobody made only true repetitions of CIFAR-10.
"""

LEAST_COSINE = 0.9
"""With features of both, their cosine must be this high too."""

LEAST_CONTRAST = 1.0
"""Images with a smaller standard deviation of grey values (0 to 255) show nothing that could be compared."""

MOST_EQUAL = 64
"""Of images with one and the same hash only the first so many look for others: all frames of a still scene have one,
and each with each would be millions of pairs. The others are found by these."""

_BAND_BITS = 16
_BANDS = 64 // _BAND_BITS
_TOGETHER = 1 << 21
_ROWS = 1024


def close_pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the pairs (i, j), i < j, with ``left[i]`` and ``right[j]`` at most `MOST_BITS` apart.

    Of equal values in ``left`` the first `MOST_EQUAL` count as i.

    Both are n unsigned 64-bit hashes; the answer is an m x 2 array in rising order. Multi-index hashing (Norouzi,
    Punjani, Fleet, *Fast search in Hamming space with multi-index hashing*, CVPR 2012): of the four 16-bit bands
    of two such hashes one differs in at most one bit, so only images that share a band, or nearly, are compared.
    """
    found = [np.zeros(0, np.int64)]
    rows = np.flatnonzero(_rank_among_equals(left) < MOST_EQUAL)
    for band in range(_BANDS):
        shift = np.uint64(band * _BAND_BITS)
        mine, theirs = (
            ((part >> shift) & np.uint64(0xFFFF)).astype(np.int64) for part in (left[rows], right)
        )
        order = np.argsort(theirs, kind="stable")
        counts = np.bincount(theirs, minlength=1 << _BAND_BITS)
        first = np.cumsum(counts) - counts
        for flipped in (0, *(1 << bit for bit in range(_BAND_BITS))):
            for some, ranks in _expanded(first[mine ^ flipped], counts[mine ^ flipped]):
                i, j = rows[some], order[ranks]
                near = (i < j) & (np.bitwise_count(left[i] ^ right[j]) <= MOST_BITS)
                found.append(i[near] * len(right) + j[near])
    # Sorted as numbers: as rows of two it took a hundred times as long.
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(1, len(right))), axis=1)


def _rank_among_equals(values: np.ndarray) -> np.ndarray:
    """Return how many equal values stand before each of ``values``."""
    order = np.argsort(values, kind="stable")
    places = np.arange(len(values))
    is_new = np.append(True, values[order][1:] != values[order][:-1])[: len(values)]
    ranks = np.empty(len(values), np.int64)
    ranks[order] = places - np.maximum.accumulate(np.where(is_new, places, 0))
    return ranks


def _expanded(first: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row i once for each of its ``counts[i]`` ranks from ``first[i]`` on, some millions at a time."""
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


def same_picture(
    pairs: np.ndarray, thumbs: np.ndarray, *, mirrored: bool = False, features: np.ndarray | None = None
) -> np.ndarray:
    """Return those of the m x 2 ``pairs`` whose thumbnails, n x side x side grey values, show the same picture.

    ``mirrored`` turns the second one's left and right round. ``features`` (n x d) must agree too where given.
    """
    parts = (pairs[start : start + _ROWS] for start in range(0, len(pairs), _ROWS))
    kept = [part[_agree(part, thumbs, mirrored, features)] for part in parts]
    return np.concatenate(kept) if kept else pairs


def _agree(pairs: np.ndarray, thumbs: np.ndarray, mirrored: bool, features: np.ndarray | None) -> np.ndarray:
    first = _standardised(thumbs[pairs[:, 0]])
    second = _standardised(thumbs[pairs[:, 1], :, ::-1] if mirrored else thumbs[pairs[:, 1]])
    alike: np.ndarray = (first * second).mean(axis=(1, 2)) >= LEAST_CORRELATION
    if features is not None:
        a, b = (features[pairs[:, side]].astype(np.float64) for side in (0, 1))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        alike &= (a * b).sum(axis=1) >= LEAST_COSINE * lengths
    return alike


def _standardised(thumbs: np.ndarray) -> np.ndarray:
    values = thumbs.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    standardised: np.ndarray = values / np.maximum(values.std(axis=(1, 2), keepdims=True), 1e-6)
    return standardised
