"""Stop training as soon as its loss is no number any more, or has grown out of all proportion."""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl

LARGEST_GROWTH = 10
"""A mean training loss this many times the first batch's (or a guess's) cannot be noise."""


class Diverged(Exception):  # noqa: N818 - it is told in the report, not raised to the user
    """Raised in the step, or at the end of the epoch, in which training was found to have diverged.

    ``what`` says which loss became what, at which step, epoch and learning rate; ``advice`` what to try.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice

    def sentence(self, kept: str) -> str:
        """Return all of it in one sentence; ``kept`` names the weights that are kept."""
        return f"training diverged: {self.what}; kept are the weights of {kept}; {self.advice}"


class Divergence(pl.Callback):
    """Raises `Diverged` after a step whose loss is no finite number, and after a validation that gives none.

    Also after a whole epoch whose mean training loss is more than `LARGEST_GROWTH` times the larger of the
    first batch's loss and ln K, that of guessing among ``n_classes``: early stopping would let it go on for
    epochs. ``advice`` is what to try instead.
    """

    def __init__(self, n_classes: int, advice: str) -> None:
        self._start = math.log(n_classes)
        self._advice = advice
        self._has_started = False
        self._lr = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the loss that later ones are compared with."""
        return {"start": self._start, "has_started": self._has_started}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it over."""
        self._start, self._has_started = state_dict["start"], state_dict["has_started"]

    def on_train_batch_start(self, trainer: pl.Trainer, *_: object) -> None:
        """Note the head's rate: the schedule moves on before the batch ends."""
        self._lr = trainer.optimizers[0].param_groups[-1]["lr"]

    def on_train_batch_end(self, trainer: pl.Trainer, _module: object, outputs: Any, *_: object) -> None:
        """Look at the loss of the batch."""
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
        if not math.isfinite(loss):
            raise self._diverged(trainer, f"the training loss became {loss:g}")
        if not self._has_started:
            self._has_started, self._start = True, max(self._start, loss)

    def on_validation_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Look at the validation loss; before training it is what it is."""
        loss = float(trainer.callback_metrics["val_loss"])
        if trainer.state.fn == "fit" and not math.isfinite(loss):
            raise self._diverged(trainer, f"the validation loss became {loss:g}")

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Look at the mean training loss of the epoch."""
        loss = float(trainer.callback_metrics["train_loss"])
        if loss > LARGEST_GROWTH * self._start:
            raise self._diverged(trainer, f"the training loss grew from {self._start:.2g} to {loss:.2g}")

    def _diverged(self, trainer: pl.Trainer, what: str) -> Diverged:
        where = f"epoch {trainer.current_epoch + 1}, learning rate {self._lr:.2g}"
        return Diverged(f"{what} at step {trainer.global_step} ({where})", self._advice)
