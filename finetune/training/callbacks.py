"""What happens between epochs: write a row, keep the best weights, tell how far it is."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
from safetensors.torch import load_file
from torch import nn

from finetune.evaluation.history import MetricsRow, append_row
from finetune.model.tensors import save_state
from finetune.progress import Advance


class History(pl.Callback):
    """Appends one `MetricsRow` an epoch to ``path`` and keeps them all in ``rows``."""

    def __init__(self, path: Path) -> None:
        self.rows: list[MetricsRow] = []
        self._path = path
        self._started = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Write down the epoch that was just validated; before training it is epoch 0.

        Not earlier: Lightning calls callbacks before the module, which logs the scores at the epoch's end.
        """
        is_training = trainer.state.fn == "fit"
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = MetricsRow(
            epoch=trainer.current_epoch + 1 if is_training else 0,
            train_loss=None,
            val_loss=metrics["val_loss"],
            val_accuracy=metrics["val_accuracy"],
            val_score=metrics["val_score"],
            lr=trainer.optimizers[0].param_groups[-1]["lr"] if is_training else 0.0,
            seconds=round(time.perf_counter() - self._started, 3),
        )
        if is_training:
            self._pending = row
        else:
            self._write(row)

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Complete the epoch's row: the mean training loss is known only now, after validation."""
        self._write(replace(self._pending, train_loss=float(trainer.callback_metrics["train_loss"])))

    def _write(self, row: MetricsRow) -> None:
        self.rows.append(row)
        append_row(self._path, row)


class KeepBest(pl.Callback):
    """Keeps the weights with the highest ``val_score`` in ``path``, from before the first epoch on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._best = float("-inf")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Store the weights when they are better than any before; the old file is replaced at once."""
        score = float(trainer.callback_metrics["val_score"])
        # Not `<=` and return: a score that is not a number is better than nothing.
        if score > self._best:
            self._best = score
            model: nn.Module = pl_module.model  # type: ignore[assignment]
            save_state(model, self._path)

    def restore(self, model: nn.Module) -> None:
        """Put the best weights into ``model`` and remove the file."""
        model.load_state_dict(load_file(self._path))
        self._path.unlink()


class Countdown(pl.Callback):
    """Reports optimizer steps done out of those planned."""

    def __init__(self, advance: Advance, total_steps: int) -> None:
        self._advance = advance
        self._total_steps = total_steps

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Report the step."""
        self._advance(trainer.global_step, self._total_steps)
