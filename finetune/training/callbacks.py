"""What happens between epochs: write a row, keep the best weights, save the state, tell how far it is.

Each of them that a resumed run needs to know from before keeps it in its ``state_dict``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from safetensors.torch import load_file
from torch import nn

from finetune.evaluation.history import MetricsRow, append_row, write_rows
from finetune.progress import Advance
from finetune.recipe.names import Select
from finetune.training.board import Board
from finetune.training.durable import write_tensors
from finetune.training.journal import Journal
from finetune.training.saved_states import SavedStates
from finetune.training.selection import merit
from finetune.training.stop import Stop


class History(pl.Callback):
    """Appends one `MetricsRow` an epoch to ``path`` and keeps them all in ``rows``; the board gets them too.

    Resumed, it writes the rows up to the state anew, and its ``seconds`` go on counting.
    """

    def __init__(self, path: Path, board: Board) -> None:
        self.rows: list[MetricsRow] = []
        self._path = path
        self._board = board
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return the seconds since training began, those before an interruption included."""
        return round(time.perf_counter() - self._started, 3)

    def start(self) -> None:
        """Begin with empty files: what an interrupted run wrote before its first saved state is redone."""
        write_rows(self._path, [])
        self._board.restart([])

    def close(self) -> None:
        """Close the event file."""
        self._board.close()

    def state_dict(self) -> dict[str, Any]:
        """Return the rows so far and the seconds."""
        rows = [asdict(row) for row in self.rows]
        return {"rows": rows, "seconds": self.seconds, "points": self._board.points}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows and put both files back to where they were."""
        self.rows = [MetricsRow(**row) for row in state_dict["rows"]]
        self._started = time.perf_counter() - state_dict["seconds"]
        write_rows(self._path, self.rows)
        self._board.restart(state_dict["points"])

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
            seconds=self.seconds,
            val_macro_f1=metrics["val_macro_f1"],
        )
        if is_training:
            self._pending = row
        else:
            self._write(row, {})

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Complete the epoch's row: the mean training loss is known only now, after validation."""
        row = replace(self._pending, train_loss=float(trainer.callback_metrics["train_loss"]))
        # A layer group's tensors with and without decay learn at the same rate.
        groups = trainer.optimizers[0].param_groups
        self._write(row, {group["name"].removesuffix(" (no decay)"): group["lr"] for group in groups})

    def _write(self, row: MetricsRow, rates: Mapping[str, float]) -> None:
        self.rows.append(row)
        append_row(self._path, row)
        scores = {name: value for name, value in asdict(row).items() if name != "epoch" and value is not None}
        self._board.add(row.epoch, {**scores, **{f"lr/{name}": rate for name, rate in rates.items()}})


class KeepBest(pl.Callback):
    """Keeps the weights that ``select`` likes best among ``states``, from before the first epoch on."""

    def __init__(self, states: SavedStates, select: Select = "accuracy") -> None:
        self._select: Select = select
        self._states = states
        self._best = float("-inf")
        self.epoch = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and its epoch."""
        return {"score": self._best, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score; the weights lie where they were written."""
        self._best, self.epoch = state_dict["score"], state_dict["epoch"]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Store the weights when they are better than any before, and those before training in any case."""
        is_first = trainer.state.fn != "fit"
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        score = merit(self._select, logged, epoch=0 if is_first else trainer.current_epoch + 1)
        # Before training a score that is no number is kept too: it is better than nothing.
        if score > self._best or is_first:
            self._best = score if math.isfinite(score) else float("-inf")
            self.epoch = 0 if is_first else trainer.current_epoch + 1
            model: nn.Module = pl_module.model  # type: ignore[assignment]
            state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
            accuracy = float(trainer.callback_metrics["val_accuracy"])
            write_tensors(self._states.best_path(self.epoch), state, metadata={"val_accuracy": str(accuracy)})

    def restore(self, model: nn.Module) -> None:
        """Put the best weights into ``model``."""
        model.load_state_dict(load_file(self._states.best_path(self.epoch)))


class SaveState(Checkpoint):
    """Saves everything at each epoch's end, after all other callbacks, and notes in the journal how far it is."""

    def __init__(self, states: SavedStates, best: KeepBest, journal: Journal, stop: Stop) -> None:
        self._states = states
        self._best = best
        self._journal = journal
        self._stop = stop
        self._is_over = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether training had come to its end: Lightning's own state does not say so."""
        return {"is_over": self._is_over}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over whether training had come to its end."""
        self._is_over = state_dict["is_over"]

    def on_fit_start(self, trainer: pl.Trainer, *_: object) -> None:
        """Train no further when early stopping or the budget had ended it."""
        trainer.should_stop = trainer.should_stop or self._is_over

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Save, and pause here if that was asked for and there is more to do."""
        epoch = trainer.current_epoch + 1
        self._is_over = trainer.should_stop
        trainer.save_checkpoint(self._states.state_path(epoch, self._best.epoch))
        self._states.prune()
        self._journal.note_epoch(epoch)
        if not self._is_over and epoch < (trainer.max_epochs or 0):
            self._stop.check_epoch(epoch)


class EndWhenAsked(pl.Callback):
    """Ends training after the step, or the validated batch, in which somebody asked for it."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def on_train_batch_end(self, *_: object) -> None:
        """End if asked."""
        self._stop.check()

    def on_validation_batch_end(self, *_: object) -> None:
        """End if asked."""
        self._stop.check()


class Countdown(pl.Callback):
    """Reports optimizer steps done out of those planned."""

    def __init__(self, advance: Advance, total_steps: int) -> None:
        self._advance = advance
        self._total_steps = total_steps

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Report the step."""
        self._advance(trainer.global_step, self._total_steps)
