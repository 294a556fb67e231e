"""Train a network by a plan, step by step, and leave it with the best weights that validation saw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, Timer
from torch.utils.data import DataLoader

from finetune.data.loading import labelled_loader, training_loader
from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.transforms import TrainingTransform
from finetune.evaluation.history import MetricsRow
from finetune.evaluation.scores import Scores
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.board import Board
from finetune.training.budget import fit_budget
from finetune.training.callbacks import Countdown, EndWhenAsked, History, KeepBest, SaveState
from finetune.training.checkpoint_io import SafeCheckpointIO
from finetune.training.durable import write_text
from finetune.training.estimate import (
    TIMED_BATCHES,
    WARM_UP_BATCHES,
    Estimate,
    measure_speed,
)
from finetune.training.finish import Finish, Finisher, averagers
from finetune.training.journal import Journal
from finetune.training.learner import Learner
from finetune.training.movement import Watch
from finetune.training.quiet import quiet_lightning
from finetune.training.resolve import steps_per_epoch
from finetune.training.saved_states import SavedState, SavedStates
from finetune.training.stop import Stop
from finetune.training.tuner import Tuner

LEAST_PATIENCE = 5
Batch = tuple[torch.Tensor, int]


@dataclass(frozen=True)
class Trained:
    """What training gave: the rows of its history, the recipe with the epochs that fitted, why it ended, and
    what was made of its weights."""

    rows: tuple[MetricsRow, ...]
    recipe: Recipe
    stopped: str
    finish: Finish


def train(
    learner: Learner,
    recipe: Recipe,
    journal: Journal,
    *,
    stop: Stop,
    begin: SavedState | None = None,
    minutes_spent: float,
    reporter: Reporter,
) -> Trained:
    """Train the learner's model in place on its train images, choosing the epoch on its val images.

    ``recipe`` is resolved. Under ``max_minutes``, of which ``minutes_spent`` are gone, as many epochs are
    planned as fit (at least one), so that the schedule still ends where it should. The plan is written to the
    run before the first step, and a run that has one keeps to it; training time before an interruption counts.
    With ``begin`` it goes on from that state. Raises StopAsked when ``stop`` was asked.
    """
    transform = TrainingTransform(learner.preprocessing, recipe.augment or "none", recipe.seed)
    if not journal.record.planned:
        estimate = _measure(learner, transform, recipe)
        recipe, budget = fit_budget(recipe, estimate, minutes_spent, reporter)
        write_text(journal.folder.recipe, recipe.to_yaml())
        journal.update(
            recipe=recipe.model_dump(mode="json"),
            planned=True,
            epochs_planned=recipe.epochs,
            budget_minutes=budget,
        )
    return _run(learner, transform, recipe, journal, stop, begin, reporter)


def _batch_size(recipe: Recipe) -> int:
    assert recipe.batch_size is not None
    return recipe.batch_size


def _tuner(learner: Learner, recipe: Recipe) -> Tuner:
    return Tuner(
        learner.model,
        learner.grouping,
        learner.plan,
        recipe,
        n_classes=len(learner.split.class_names),
        steps_per_epoch=steps_per_epoch(len(learner.split.train), _batch_size(recipe)),
        class_counts=_class_counts(learner.split),
    )


def _measure(learner: Learner, transform: TrainingTransform, recipe: Recipe) -> Estimate:
    """Time a few batches spread over the training images; loading runs beside the steps as it will later."""
    split = learner.split
    n_images = min(len(split.train), (WARM_UP_BATCHES + TIMED_BATCHES) * _batch_size(recipe))
    rows = np.linspace(0, len(split.train) - 1, n_images).round().astype(int)
    some = [split.train[row] for row in rows]
    loader = training_loader(
        *_paths_and_targets(split, some), transform, batch_size=_batch_size(recipe), workers=recipe.workers
    )
    return measure_speed(
        _tuner(learner, recipe),
        loader,
        steps_per_epoch=steps_per_epoch(len(split.train), _batch_size(recipe)),
        n_val=len(split.val),
    )


def _run(
    learner: Learner,
    transform: TrainingTransform,
    recipe: Recipe,
    journal: Journal,
    stop: Stop,
    begin: SavedState | None,
    reporter: Reporter,
) -> Trained:
    tuner = _tuner(learner, recipe)
    train_batches, val_batches = _loaders(learner.split, transform, recipe)
    states = SavedStates(journal.folder.states)
    history = History(journal.folder.metrics, Board(journal.folder.tensorboard))
    best, watch = KeepBest(states), Watch(learner.grouping)
    observers = [history, best, *averagers(learner, recipe, states), watch]
    stoppers = _stoppers(recipe, journal.record.budget_minutes)
    with reporter.track("training") as advance, quiet_lightning(), stop.patiently():
        countdown = Countdown(advance, (recipe.epochs or 0) * len(train_batches))
        saver = SaveState(states, best, journal)
        trainer = _trainer(recipe, [*observers, countdown, EndWhenAsked(stop), *stoppers, saver])
        if begin is None:
            history.start()
            trainer.validate(tuner, val_batches, verbose=False)
            trainer.fit(tuner, train_batches, val_batches)
        else:
            # Lightning asks for the first batches before it tells the sampler the epoch.
            train_batches.sampler.set_epoch(begin.epoch)  # type: ignore[attr-defined]
            trainer.fit(tuner, train_batches, val_batches, ckpt_path=begin.path, weights_only=True)
        history.close()
        stopped = _why_stopped(trainer, recipe, history.rows, stoppers)
        score = _scorer(tuner, recipe, val_batches, stop)
        finisher = Finisher(learner, recipe, states, tuner, transform, score, reporter)
        finish = finisher.finish(history.rows, best, watch.epochs)
    return Trained(tuple(history.rows), recipe, stopped, finish)


def _scorer(tuner: Tuner, recipe: Recipe, val_batches: DataLoader[Batch], stop: Stop) -> Callable[[], Scores]:
    """Return what measures the tuner's model on val in just the way in which each epoch was."""
    trainer = _trainer(recipe, [EndWhenAsked(stop)])
    return lambda: Scores.of(trainer.validate(tuner, val_batches, verbose=False)[0])


def _loaders(
    split: Split, transform: TrainingTransform, recipe: Recipe
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    train_batches = training_loader(
        *_paths_and_targets(split, split.train),
        transform,
        batch_size=_batch_size(recipe),
        workers=recipe.workers,
    )
    val_batches = labelled_loader(
        *_paths_and_targets(split, split.val), transform.preprocessing, workers=recipe.workers
    )
    return train_batches, val_batches


def _trainer(recipe: Recipe, callbacks: list[pl.Callback]) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=recipe.epochs,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        callbacks=callbacks,
        plugins=[SafeCheckpointIO()],
    )


def _stoppers(recipe: Recipe, budget: float | None) -> list[pl.Callback]:
    assert recipe.epochs is not None
    patience = max(LEAST_PATIENCE, math.ceil(recipe.epochs / 3))
    stoppers: list[pl.Callback] = [EarlyStopping("val_score", mode="max", patience=patience)]
    if budget is not None:
        stoppers.append(Timer(duration=timedelta(minutes=budget), interval="step", verbose=False))
    return stoppers


def _why_stopped(
    trainer: pl.Trainer, recipe: Recipe, rows: Sequence[MetricsRow], stoppers: Sequence[pl.Callback]
) -> str:
    if not math.isfinite(rows[-1].val_score):
        return "the loss was no number any more; try a smaller --lr"
    if trainer.current_epoch >= (recipe.epochs or 0):
        return "all epochs done"
    if any((timer.time_remaining() or 0) <= 0 for timer in stoppers if isinstance(timer, Timer)):
        return "the time budget was used up"
    return "validation did not improve any more"


def _class_counts(split: Split) -> list[int]:
    counts = Counter(split.indices(split.train))
    return [counts[index] for index in range(len(split.class_names))]


def _paths_and_targets(split: Split, images: Sequence[LabelledImage]) -> tuple[list[Path], list[int]]:
    return [image.path for image in images], split.indices(images)
