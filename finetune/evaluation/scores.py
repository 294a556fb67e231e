"""What validation says of one set of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Scores:
    """``val_loss`` in nats, ``val_accuracy`` in [0, 1], ``val_score``: the accuracy with ties broken by the loss."""

    val_loss: float
    val_accuracy: float
    val_score: float

    @classmethod
    def of(cls, logged: Mapping[str, float]) -> Self:
        """Take the three out of all that validation logged."""
        return cls(*(float(logged[name]) for name in ("val_loss", "val_accuracy", "val_score")))
