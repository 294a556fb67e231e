"""What must stay together when a set is cut: copies, near-duplicates, and images of one group.

A unit is a connected part of these ties. Its place in [0, 1) is a hash of the seed and what it is, which knows
nothing of other units: the least of its members' hashes, a member's being that of its group's name where it has
one, else of its bytes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from finetune.data.labelled import LabelledImage

if TYPE_CHECKING:
    from finetune.data.health import HealthReport

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
    images: Iterable[LabelledImage], report: HealthReport, *, seed: int, near: bool = True
) -> list[Unit]:
    """Return the units of ``images``, by their place; ``near`` ties near-duplicates too."""
    members = {image.name: image for image in sorted(images, key=lambda image: image.name)}
    tokens = {name: _token(image, report) for name, image in members.items()}
    ties = _Ties(members)
    first: dict[str, str] = {}
    for name, image in members.items():
        for token in (tokens[name], _content(image, report)):
            ties.tie(name, first.setdefault(token, name))
    alike = (*report.near_duplicates, *report.near_links) if near else ()
    for group in (*report.exact_duplicates, *alike):
        here = [name for name in group if name in members]
        for name in here[1:]:
            ties.tie(name, here[0])
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for name in members:
        parts[ties.root(name)].append(name)
    made = [
        Unit(
            tuple(members[name] for name in part),
            min(_place(seed, token) for token in {tokens[name] for name in part}),
        )
        for part in parts.values()
    ]
    return sorted(made, key=lambda unit: (unit.place, unit.images[0].name))


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


def _content(image: LabelledImage, report: HealthReport) -> str:
    facts = report.facts.get(image.name)
    return facts.sha256 if facts else image.name


def _token(image: LabelledImage, report: HealthReport) -> str:
    return _content(image, report) if image.group is None else f"group/{image.group}"


def _place(seed: int, token: str) -> float:
    digest = hashlib.sha256(f"{seed}/{token}".encode("utf-8", "surrogatepass")).hexdigest()
    place: float = int(digest[:_DIGITS], 16) / 2**64
    return place
