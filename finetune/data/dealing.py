"""Deal units out to the sides of a split by their places, within limits on how uneven chance may be.

Shares and limits count a class's units, not its images: a unit is the least that can be moved, ten copies of a
picture measure no better than one, and limits on images would move other units whenever a group grows. Where units of
unlike size leave a side with too few or too many images, `finetune.data.split` says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from finetune.data.units import Unit


def side_at(place: float, shares: Mapping[str, float]) -> str:
    """Return the side of a unit at ``place`` in [0, 1): test has the low end, val the high end, train the rest.

    It hangs on the unit alone, so that it stays when others come or go.
    """
    if place < shares.get("test", 0.0):
        return "test"
    return "val" if place >= 1 - shares.get("val", 0.0) else "train"


def limits(n_units: int, share: float) -> tuple[int, int]:
    """Return the least and most units, of a class's ``n_units``, on a side: half and twice its share, at least 1."""
    return max(1, math.floor(n_units * share / 2 + 0.5)), max(1, math.ceil(2 * n_units * share))


def deal(
    units: Sequence[Unit], shares: Mapping[str, float], class_names: Iterable[str]
) -> dict[str, list[Unit]]:
    """Return the units of each side: train and those in ``shares``.

    Where chance leaves a class outside of the `limits` on a side, the units nearest to the cut change sides until
    it is within; a unit that several classes share only where that breaks no other limit.
    """
    dealing = _Dealing(units, shares)
    # Classes with few units have the least choice.
    for label in sorted(class_names, key=lambda name: (dealing.n_units(name), name)):
        dealing.even_out(label)
    sides: dict[str, list[Unit]] = {side: [] for side in ("train", *shares)}
    for rank, unit in enumerate(units):
        sides[dealing.side_of[rank]].append(unit)
    return sides


class _Dealing:
    """Which side each unit is on, and how many units of each class each side has."""

    def __init__(self, units: Sequence[Unit], shares: Mapping[str, float]) -> None:
        self._units = units
        self._shares = {"train": 1 - sum(shares.values()), **shares}
        self.side_of = [side_at(unit.place, shares) for unit in units]
        self._of_class: dict[str, list[int]] = {}
        for rank, unit in enumerate(units):
            for label in unit.labels:
                self._of_class.setdefault(label, []).append(rank)
        self._counts = Counter(
            (side, label) for side, unit in zip(self.side_of, units, strict=True) for label in unit.labels
        )

    def n_units(self, label: str) -> int:
        return len(self._of_class.get(label, ()))

    def even_out(self, label: str) -> None:
        """Move units of the class until each side is within its limits, as far as the other classes allow."""
        for side in self._shares:
            least, _ = self._limits(side, label)
            while self._counts[side, label] < least and self._take(label, side, self._shares):
                pass
        for side in self._shares.keys() - {"train"}:
            _, most = self._limits(side, label)
            while self._counts[side, label] > most and self._take(label, "train", (side,)):
                pass

    def _limits(self, side: str, label: str) -> tuple[int, int]:
        return limits(self.n_units(label), self._shares[side])

    def _take(self, label: str, to: str, sides: Iterable[str]) -> bool:
        """Move the unit of the class on ``sides`` that is nearest to ``to`` there; False where none is spare."""
        donors = set(sides) - {to}
        own = [rank for rank in self._of_class[label] if self.side_of[rank] in donors]
        spare = [rank for rank in own if self._can_leave(rank)]
        if spare:
            self._move(min(spare, key=lambda rank: self._distance(rank, to)), to)
        return bool(spare)

    def _can_leave(self, rank: int) -> bool:
        side = self.side_of[rank]
        return all(
            self._counts[side, label] > self._limits(side, label)[0] for label in self._units[rank].labels
        )

    def _distance(self, rank: int, side: str) -> tuple[float, float]:
        """Return how far the unit is from the end that ``side`` has; for train, how near to either end."""
        place = self._units[rank].place
        return ({"test": place, "val": 1 - place, "train": -min(place, 1 - place)}[side], place)

    def _move(self, rank: int, to: str) -> None:
        for label in self._units[rank].labels:
            self._counts[self.side_of[rank], label] -= 1
            self._counts[to, label] += 1
        self.side_of[rank] = to
