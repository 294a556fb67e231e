"""What moved in a training by gradient, layer group by layer group: the rows, and their files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class GroupEpoch:
    """One layer group in one epoch, from 1.

    ``lr`` is the mean learning rate over the steps looked at, 0 while the group is frozen; the gradient's norm
    (before clipping, >= 0, not finite in a run that diverged) is their median and their largest.
    """

    epoch: int
    group: str
    lr: float
    gradient_median: float
    gradient_max: float


@dataclass(frozen=True)
class GroupMovement:
    """One layer group over the whole training, as the kept weights have it.

    ``relative_change`` is ||W - W0|| / ||W0|| over the group's parameters, W0 being what training began with:
    exactly 0 when no bit changed, None when W0 is 0 and W is not. ``statistics_moved``: a buffer changed.
    ``lr_max`` and the gradient's norms are over the epochs of `GroupEpoch`: the median of their medians, and
    the largest of all.
    """

    group: str
    frozen: bool
    n_parameters: int
    relative_change: float | None
    statistics_moved: bool
    lr_max: float
    gradient_median: float
    gradient_max: float


@dataclass(frozen=True)
class Movement:
    """All groups in network order, all their epochs, and which weights were ``kept``, in words.

    The groups' changes are those of the kept weights; their gradients and rates, like the epochs, are those of the
    whole training, whichever weights it kept.
    """

    kept: str
    groups: tuple[GroupMovement, ...]
    epochs: tuple[GroupEpoch, ...]

    @property
    def keeps_the_start(self) -> bool:
        """Whether the kept weights are those from before the first epoch, to the bit."""
        return all(row.relative_change == 0 and not row.statistics_moved for row in self.groups)

    @property
    def note(self) -> str:
        """A sentence on why nothing moved though there were gradients and rates; empty where something did."""
        if not self.keeps_the_start:
            return ""
        trained = "; the gradients and learning rates are those of the training, which did no better on val"
        return (
            f"the kept weights ({self.kept}) are those from before the first epoch, so nothing moved in them"
            f"{trained if self.epochs else ''}"
        )


def write_movement(movement: Movement, *, table: Path, whole: Path) -> None:
    """Write the groups to ``table`` as CSV, and all to ``whole`` as JSON, where null is no number.

    Which weights were kept, and the note on them, are in the JSON alone.
    """
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(GroupMovement)])
        writer.writeheader()
        writer.writerows(asdict(group) for group in movement.groups)
    content = {
        "kept": movement.kept,
        "note": movement.note,
        "groups": _plain(movement.groups),
        "epochs": _plain(movement.epochs),
    }
    whole.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def movement_rows(whole: Path) -> list[dict[str, Any]]:
    """Return the groups that `write_movement` wrote, in network order; none when there is no such file."""
    try:
        rows: list[dict[str, Any]] = json.loads(whole.read_text(encoding="utf-8"))["groups"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return rows


def _plain(rows: Sequence[GroupMovement] | Sequence[GroupEpoch]) -> Iterable[dict[str, Any]]:
    return [{name: _finite(value) for name, value in asdict(row).items()} for row in rows]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
