"""Train a network by a plan, step by step, and leave it with the best weights that validation saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from torch import nn

from finetune.evaluation.history import MetricsRow
from finetune.evaluation.scores import Scores
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.board import Board
from finetune.training.cache_choice import across_the_line
from finetune.training.callbacks import Countdown, EndWhenAsked, History, KeepBest, SaveState
from finetune.training.checkpoint_io import SafeCheckpointIO
from finetune.training.divergence import Diverged
from finetune.training.durable import is_sound
from finetune.training.finish import Finish, Finisher, averagers
from finetune.training.journal import Journal
from finetune.training.learner import Learner
from finetune.training.loaders import train_batches, transform_of, val_batches
from finetune.training.memory import is_out_of_memory
from finetune.training.movement import Watch
from finetune.training.quiet import quiet_lightning
from finetune.training.resolve import DEFAULT_CLIP_NORM
from finetune.training.saved_states import SavedState, SavedStates
from finetune.training.settle import accumulation_of, make_tuner, settle, smaller
from finetune.training.stop import Stop
from finetune.training.stopping import make_stoppers, why_stopped
from finetune.training.tuner import Tuner


@dataclass(frozen=True)
class Trained:
    """What training gave: the rows of its history, the recipe as it was run in the end, why it ended (by having
    ``diverged``, or else), and what was made of its weights. ``kept_epoch`` was chosen, 0 before the first."""

    rows: tuple[MetricsRow, ...]
    recipe: Recipe
    stopped: str
    finish: Finish
    kept_epoch: int
    diverged: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know besides, a sentence each."""
        note = self.finish.movement.note
        return (*([self.stopped] if self.diverged else []), *([note] if note else []))


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

    ``recipe`` is resolved. What only real batches can tell is settled first and written to the run before the
    first step; a run that has such a plan keeps to it, and training time before an interruption counts. With
    ``begin`` it goes on from that state. Where memory runs out it goes on from the last whole epoch with
    smaller batches. Raises StopAsked when ``stop`` was asked, ResourceError when no batch is small enough.
    """
    if not journal.record.planned:
        recipe = settle(learner, recipe, journal, minutes_spent, reporter)
    while True:
        try:
            return _run(learner, recipe, journal, stop, begin, reporter)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        recipe = smaller(recipe, reporter)
        journal.write_recipe(recipe)
        begin = _back_to_the_last_epoch(learner, SavedStates(journal.folder.states))


def _back_to_the_last_epoch(learner: Learner, states: SavedStates) -> SavedState | None:
    """Return the newest state, and put the weights from before the first step back: a tuner begins with them."""
    begin, _ = states.newest()
    if is_sound(states.start_path):
        learner.model.load_state_dict(load_file(states.start_path))
    return begin


def _run(
    learner: Learner,
    recipe: Recipe,
    journal: Journal,
    stop: Stop,
    begin: SavedState | None,
    reporter: Reporter,
) -> Trained:
    tuner = make_tuner(learner, recipe)
    states = SavedStates(journal.folder.states)
    history = History(journal.folder.metrics, Board(journal.folder.tensorboard))
    best, watch = KeepBest(states, recipe.select or "accuracy"), Watch(learner.grouping)
    observers = [history, best, *averagers(learner, recipe, states), watch]
    n_classes, budget = len(learner.split.class_names), journal.record.budget_minutes
    stoppers = make_stoppers(recipe, learner.plan, n_classes=n_classes, budget_minutes=budget)
    try:
        with reporter.track("training") as advance, quiet_lightning(), stop.patiently():
            countdown = Countdown(advance, (recipe.epochs or 0) * accumulation_of(learner, recipe).n_steps)
            saver = SaveState(states, best, journal, stop)
            trainer = _trainer(recipe, [*observers, countdown, EndWhenAsked(stop), *stoppers, saver])
            if begin is None:
                history.start()
            diverged = _fit(trainer, tuner, learner, recipe, begin, reporter)
            history.close()
            if diverged is not None:
                _leave_finite(tuner.model, best)
            score = _scorer(tuner, learner, recipe, stop)
            transform = transform_of(learner, recipe)
            finisher = Finisher(learner, recipe, states, tuner, transform, score, reporter)
            finish = finisher.finish(history.rows, best, watch.epochs)
    finally:
        history.close()
    if diverged is None:
        stopped = why_stopped(trainer, recipe, stoppers)
        return Trained(tuple(history.rows), recipe, stopped, finish, best.epoch)
    stopped = diverged.sentence(finish.movement.kept)
    reporter.say(f"warning: {stopped}")
    return Trained(tuple(history.rows), recipe, stopped, finish, best.epoch, diverged=True)


def _leave_finite(model: nn.Module, best: KeepBest) -> None:
    """Put the best weights into ``model`` if its own are no numbers: nothing can be made of those."""
    if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
        best.restore(model)


def _scorer(tuner: Tuner, learner: Learner, recipe: Recipe, stop: Stop) -> Callable[[], Scores]:
    """Return what measures the tuner's model on val in just the way in which each epoch was."""
    trainer = _trainer(recipe, [EndWhenAsked(stop)])
    (batches,) = across_the_line([val_batches(learner, recipe)], tuner.halves, recipe)
    return lambda: Scores.of(trainer.validate(tuner, batches, verbose=False)[0])


def _fit(
    trainer: pl.Trainer,
    tuner: Tuner,
    learner: Learner,
    recipe: Recipe,
    begin: SavedState | None,
    reporter: Reporter,
) -> Diverged | None:
    """Train to the end, or return how training diverged."""
    loaders = train_batches(learner, recipe), val_batches(learner, recipe)
    training, validation = across_the_line(loaders, tuner.halves, recipe, reporter)
    try:
        if begin is None:
            trainer.validate(tuner, validation, verbose=False)
            trainer.fit(tuner, training, validation)
        else:
            # Lightning asks for the first batches before it tells the sampler the epoch.
            training.sampler.set_epoch(begin.epoch)  # type: ignore[attr-defined]
            trainer.fit(tuner, training, validation, ckpt_path=begin.path, weights_only=True)
    except Diverged as diverged:
        return diverged
    return None


def _trainer(recipe: Recipe, callbacks: Sequence[pl.Callback]) -> pl.Trainer:
    clip_norm = DEFAULT_CLIP_NORM if recipe.clip_norm is None else recipe.clip_norm
    return pl.Trainer(
        max_epochs=recipe.epochs,
        accelerator="auto",
        devices=1,
        # The tuner casts to bf16 itself, so that trials and validation do as training does; fp16 needs the
        # scaling of its losses besides, which Lightning brings.
        precision="16-mixed" if recipe.precision == "fp16" else "32-true",
        accumulate_grad_batches=recipe.accumulate or 1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=clip_norm or None,
        callbacks=list(callbacks),
        plugins=[SafeCheckpointIO()],
    )
