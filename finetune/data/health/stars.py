"""Part rows that are alike in pairs into groups around one of them: a chain of pairs joins no strangers. Pure.

Of a ~ b ~ c nobody knows that a ~ c: groups of all that pairs connect would call the ends of a long enough chain the
same picture. Here each member is alike the group's first one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from finetune.data.health.likeness import Likeness

MOST_LINKS = 64
"""Links kept between two groups: they tie them and show a leak, and thousands of others would say the same."""


class Parted(NamedTuple):
    """Groups of two or more rows, each alike its first, and pairs that are alike across two groups.

    Of two groups that are linked at most `MOST_LINKS` links are named.
    """

    groups: list[list[int]]
    links: list[tuple[int, int]]


def parted(alike: Likeness) -> Parted:
    """Return the groups of the rows that are ``alike`` another, and what links the groups.

    Every such row is in one group. The row with the most pairs, of equals the least, is the first of the first
    group made, and so on; what is then left alone takes a member of another group for its first. Behind its first
    a group is in rising order, and groups are in the order of their least rows.
    """
    first = _with_the_lone(_around_the_largest(alike), alike)
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(first >= 0).tolist():
        members.setdefault(int(first[row]), []).append(row)
    groups = [[centre, *(row for row in found if row != centre)] for centre, found in members.items()]
    return Parted(sorted(groups, key=min), sorted(_links(alike, first)))


def _around_the_largest(alike: Likeness) -> np.ndarray:
    """Return for each row the first of its group, -1 where it is alone."""
    n = len(alike.counts)
    first = np.full(n, -1)
    for row in np.lexsort((np.arange(n), -alike.counts))[: np.count_nonzero(alike.counts)].tolist():
        if first[row] < 0:
            near = alike.neighbours(row)
            free = near[first[near] < 0]
            if len(free):
                first[free] = first[row] = row
    return first


def _with_the_lone(first: np.ndarray, alike: Likeness) -> np.ndarray:
    """Give each row that is alone a group: its neighbours are all in others, none of them as the first."""
    sizes = Counter(first.tolist())
    for row in np.flatnonzero((first < 0) & (alike.counts > 0)).tolist():
        near = alike.neighbours(row).tolist()
        if not near:
            continue  # a pair on the very edge, rounded once up and once down
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


def _links(alike: Likeness, first: np.ndarray) -> Iterator[tuple[int, int]]:
    if len(np.unique(first[first >= 0])) < 2:
        return
    named: Counter[tuple[int, int]] = Counter()
    for part in alike.parts():
        pairs = part.pairs(first)
        ends = np.sort(first[pairs], axis=1)
        for place in _first_of_each(ends).tolist():
            groups = int(ends[place, 0]), int(ends[place, 1])
            named[groups] += 1
            if named[groups] <= MOST_LINKS:
                yield int(pairs[place, 0]), int(pairs[place, 1])


def _first_of_each(keys: np.ndarray) -> np.ndarray:
    """Return the places of the first `MOST_LINKS` of each kind of row of ``keys``, m x 2."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    begins = np.ones(len(keys), bool)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(begins)
    ranks = np.arange(len(keys)) - np.repeat(starts, np.diff([*starts.tolist(), len(keys)]))
    return np.sort(order[ranks < MOST_LINKS])
