"""When training ends: early stopping, the time budget, and the words for how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, Timer

from finetune.recipe import Recipe
from finetune.training.divergence import Divergence
from finetune.training.lengths import default_patience
from finetune.training.loaders import growth_of
from finetune.training.resolve import DEFAULT_CLIP_NORM
from finetune.training.thaw import thaw_epochs
from strategies import Plan

ALL_DONE = "all epochs done"


def make_stoppers(
    recipe: Recipe, plan: Plan, *, n_classes: int, budget_minutes: float | None
) -> list[pl.Callback]:
    """Return the callbacks that may end training by ``recipe``, which is resolved, before its last epoch."""
    stoppers: list[pl.Callback] = [Divergence(n_classes, _advice(recipe))]
    if recipe.early_stopping != "none":
        stoppers.append(_early_stopping(recipe))
        stoppers += _patience(recipe, plan)
    if budget_minutes is not None:
        stoppers.append(Timer(duration=timedelta(minutes=budget_minutes), interval="step", verbose=False))
    return stoppers


def _early_stopping(recipe: Recipe) -> EarlyStopping:
    watched = recipe.early_stopping or "val_score"
    mode = "min" if watched.endswith("loss") else "max"
    patience = recipe.patience or default_patience(recipe.epochs or 1)
    return EarlyStopping(watched, mode=mode, patience=patience)


def _patience(recipe: Recipe, plan: Plan) -> list[pl.Callback]:
    """Return what keeps early stopping from counting while the network or its input still changes."""
    changes: list[int] = []
    if recipe.unfreeze_at is not None:
        changes += thaw_epochs(plan, recipe.unfreeze_at).values()
    growth = growth_of(recipe)
    if growth is not None:
        changes.append(growth.grown_at)
    return [PatienceWhileChanging(max(changes))] if changes else []


class PatienceWhileChanging(pl.Callback):
    """Lets early stopping count only once ``last``, an epoch from 0, has begun.

    Each thaw is a new chance to improve; and what was trained on small images says little about full ones.
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: object) -> None:
        """Begin to count anew; an epoch before the last change does not count at all."""
        if trainer.current_epoch <= self._last:
            for stopper in trainer.early_stopping_callbacks:
                stopper.wait_count = 0 if trainer.current_epoch == self._last else -1


def why_stopped(trainer: pl.Trainer, recipe: Recipe, stoppers: Sequence[pl.Callback]) -> str:
    """Return in words why training that did not diverge came to its end."""
    if trainer.current_epoch >= (recipe.epochs or 0):
        return ALL_DONE
    if any((timer.time_remaining() or 0) <= 0 for timer in stoppers if isinstance(timer, Timer)):
        return "the time budget was used up"
    watched = "the training loss" if recipe.early_stopping == "train_loss" else "validation"
    return f"{watched} did not improve any more"


def _advice(recipe: Recipe) -> str:
    """Return what to try against divergence: a tenth of the rate or of the clipped norm, or clipping at all."""
    tries = [f"--lr {(recipe.lr or 0.0) / 10:.2g}"]
    clip_norm = DEFAULT_CLIP_NORM if recipe.clip_norm is None else recipe.clip_norm
    tries.append(f"--clip-norm {clip_norm / 10 if clip_norm else DEFAULT_CLIP_NORM:.2g}")
    if recipe.precision == "fp16":
        tries.append("--precision fp32")
    return f"try {' or '.join(tries)}"
