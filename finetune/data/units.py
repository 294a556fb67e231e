"""What must stay together when a set is cut: copies, near-duplicates, and images of one group.

A unit is a connected part of these ties. Its place in [0, 1) is a hash of the seed and of its representative, which
is the first of its groups' names, else the least SHA-256 of its images' bytes: nothing outside of the unit enters.

The representative is chosen without the seed, so that a unit of any size falls below a share s with probability s.
The least of k members' places would do so with 1 - (1 - s)^k: 0.8 for ten near-duplicates and a share of 0.15.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from finetune.data.labelled import LabelledImage

if TYPE_CHECKING:
    from finetune.data.health import HealthReport
    from finetune.data.images import ImageFacts

_DIGITS = 16
"""Hex digits of a hash that make a place: 64 bits, more than a float tells apart."""


@dataclass(frozen=True)
class Unit:
    """Images that belong on one side, sorted by name, and the unit's ``place`` in [0, 1)."""

    images: tuple[LabelledImage, ...]
    place: float

    @cached_property
    def labels(self) -> frozenset[str]:
        """Return the classes of its images."""
        return frozenset(image.label for image in self.images)


def units_of(
    images: Iterable[LabelledImage], report: HealthReport, *, seed: int, untied: Collection[str] = ()
) -> list[Unit]:
    """Return the units of ``images``, by their place.

    Near-duplicates are tied too, but for the groups of them that hold an image named in ``untied``.
    """
    alike = (*report.near_duplicates, *report.near_links)
    near = [group for group in alike if not any(name in untied for name in group)]
    parts = parts_of(images, report.facts, ties=(*report.exact_duplicates, *near))
    made = [Unit(part, _place(seed, _representative(part, report.facts))) for part in parts]
    return sorted(made, key=lambda unit: (unit.place, unit.images[0].name))


def parts_of(
    images: Iterable[LabelledImage], facts: Mapping[str, ImageFacts], *, ties: Iterable[Sequence[str]] = ()
) -> list[tuple[LabelledImage, ...]]:
    """Return ``images`` in parts that belong together, each sorted by name.

    What belongs together are byte-identical images, those of one group, and those that a row of ``ties`` names.
    """
    members = {image.name: image for image in sorted(images, key=lambda image: image.name)}
    together = _Ties(members)
    first: dict[tuple[str, str], str] = {}
    for name, image in members.items():
        together.tie(name, first.setdefault(("content", _content(image, facts)), name))
        if image.group is not None:
            together.tie(name, first.setdefault(("group", image.group), name))
    for row in ties:
        here = [name for name in row if name in members]
        for name in here[1:]:
            together.tie(name, here[0])
    parts: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for name, image in members.items():
        parts[together.root(name)].append(image)
    return [tuple(part) for part in parts.values()]


def unit_numbers(images: Sequence[LabelledImage], report: HealthReport) -> list[int]:
    """Return for each of ``images`` the number of its unit among theirs."""
    number = {
        image.name: rank
        for rank, unit in enumerate(units_of(images, report, seed=0))
        for image in unit.images
    }
    return [number[image.name] for image in images]


class _Ties:
    """Disjoint sets of names (union-find)."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parent = {name: name for name in names}

    def root(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def tie(self, one: str, other: str) -> None:
        self._parent[self.root(one)] = self.root(other)


def _content(image: LabelledImage, facts: Mapping[str, ImageFacts]) -> str:
    found = facts.get(image.name)
    return found.sha256 if found else image.name


def _representative(part: Iterable[LabelledImage], facts: Mapping[str, ImageFacts]) -> str:
    """Return what stands for the whole unit: a group's name is the steadier, since it stays when images come."""
    groups = [image.group for image in part if image.group is not None]
    return f"group/{min(groups)}" if groups else min(_content(image, facts) for image in part)


def _place(seed: int, representative: str) -> float:
    digest = hashlib.sha256(f"{seed}/{representative}".encode("utf-8", "surrogatepass")).hexdigest()
    place: float = int(digest[:_DIGITS], 16) / 2**64
    return place
