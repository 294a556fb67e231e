"""What averaging the weights came to, for the report and in a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from finetune.evaluation.scores import Scores

START = "the start"
"""What the weights before the first epoch are called."""


@dataclass(frozen=True)
class Averaging:
    """An average, whether it is ``used``, and what it scores beside the best single epoch.

    ``ema``: the moving average with ``decay`` was validated after each epoch in the weights' stead, so that
    ``best_epoch`` is one of its own. ``average_last``: the mean of the weights after ``epochs``.
    """

    kind: Literal["ema", "average_last"]
    used: bool
    scores: Scores
    best_epoch: int
    best: Scores
    decay: float | None = None
    epochs: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return kind, use and scores; the best single epoch's scores begin with ``best_``."""
        best = {f"best_{name}": value for name, value in asdict(self.best).items()}
        found: dict[str, Any] = {"kind": self.kind, "used": self.used, **asdict(self.scores)}
        if self.kind == "ema":
            return {**found, "decay": self.decay, "epoch": self.best_epoch}
        return {**found, "epochs": list(self.epochs), "best_epoch": self.best_epoch, **best}

    def sentence(self) -> str:
        """Say what was compared and what is kept."""
        right = f"{100 * self.scores.val_accuracy:.1f} % of val right"
        if self.kind == "ema":
            if not self.used:
                return f"averaging: no moving average did better than the start ({right}), which is kept"
            which = f"the moving average (decay {self.decay:g}) after epoch {self.best_epoch}"
            return f"averaging: {which} is kept, {right}"
        kept = "the mean is kept" if self.used else f"{name_epochs((self.best_epoch,))} is kept"
        return (
            f"averaging: the mean of the weights after {name_epochs(self.epochs)} gets {right}, "
            f"{name_epochs((self.best_epoch,))} alone {100 * self.best.val_accuracy:.1f} %: {kept}"
        )

    @property
    def kept(self) -> str:
        """Which weights are kept, in words."""
        if self.kind == "average_last" and self.used:
            return f"the mean of {name_epochs(self.epochs)}"
        return name_epochs((self.best_epoch,))


def name_epochs(numbers: tuple[int, ...]) -> str:
    """Name epochs: ``epoch 7``, ``epochs 6 to 8``, ``epochs 5, 7 and 8``."""
    if numbers == (0,):
        return START
    if len(numbers) == 1:
        return f"epoch {numbers[0]}"
    if numbers == tuple(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"epochs {numbers[0]} to {numbers[-1]}"
    return f"epochs {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
