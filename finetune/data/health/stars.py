"""Part rows that are alike in pairs into groups around one of them: a chain of pairs joins no strangers. Pure.

Of a ~ b ~ c nobody knows that a ~ c: groups of all that pairs connect would call the ends of a long enough chain the
same picture. Here each member is alike the group's first one.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np


class Parted(NamedTuple):
    """Groups of two or more rows, each alike its first, and the pairs that are alike across two groups."""

    groups: list[list[int]]
    links: list[tuple[int, int]]


def parted(pairs: np.ndarray) -> Parted:
    """Return the groups of the rows in ``pairs`` (m x 2 row numbers, i < j, each pair once), and what links them.

    Every row of a pair is in one group. The row with the most pairs, of equals the least, is the first of the first
    group made, and so on; what is then left alone takes a member of another group for its first. Behind its first
    a group is in rising order, and groups are in the order of their least rows.
    """
    rows, numbers = np.unique(pairs, return_inverse=True)
    edges = numbers.reshape(-1, 2)
    if not len(edges):
        return Parted([], [])
    first = _with_the_lone(*_around_the_largest(edges, len(rows)))
    members: dict[int, list[int]] = {}
    for row, centre in enumerate(first.tolist()):
        members.setdefault(centre, []).append(row)
    groups = [
        [int(rows[centre]), *(int(rows[row]) for row in found if row != centre)]
        for centre, found in members.items()
    ]
    apart = first[edges[:, 0]] != first[edges[:, 1]]
    return Parted(sorted(groups, key=min), [(int(i), int(j)) for i, j in rows[edges[apart]]])


def _around_the_largest(edges: np.ndarray, n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return for each of ``n`` rows the first of its group, -1 where it is alone, and its neighbours, rising."""
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    counts = np.bincount(both[:, 0], minlength=n)
    neighbours = np.split(both[:, 1], np.cumsum(counts)[:-1])
    first = np.full(n, -1)
    for row in np.lexsort((np.arange(n), -counts)).tolist():
        if first[row] < 0:
            free = neighbours[row][first[neighbours[row]] < 0]
            if len(free):
                first[free] = first[row] = row
    return first, neighbours


def _with_the_lone(first: np.ndarray, neighbours: list[np.ndarray]) -> np.ndarray:
    """Give each row that is alone a group: its neighbours are all in others, none of them as the first."""
    sizes = Counter(first.tolist())
    for row in np.flatnonzero(first < 0).tolist():
        near = neighbours[row].tolist()
        chosen = next((other for other in near if first[other] == other), near[0])
        left = int(first[chosen])
        if left != chosen:
            sizes[left] -= 1
            sizes[chosen] = 1
            if sizes[left] == 1:  # it is alike the one that leaves it
                first[left] = chosen
                sizes[chosen] = 2
            first[chosen] = chosen
        first[row] = chosen
        sizes[chosen] += 1
    return first
