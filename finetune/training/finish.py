"""After the last epoch: settle which weights are kept (the best, an average, or between two) and what moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from finetune.data.loading import training_loader
from finetune.data.transforms import TrainingTransform
from finetune.evaluation.averaging import Averaging, name_epochs
from finetune.evaluation.history import MetricsRow
from finetune.evaluation.interpolation import Interpolation
from finetune.evaluation.movement import GroupEpoch, Movement
from finetune.evaluation.scores import Scores
from finetune.model.device import best_device
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.averaging import (
    KeepLast,
    MovingAverage,
    last_epochs,
    mean_weights,
    moving_norms,
    recompute_statistics,
    thawed_names,
)
from finetune.training.callbacks import KeepBest
from finetune.training.learner import Learner
from finetune.training.movement import measure_movement
from finetune.training.saved_states import SavedStates
from finetune.training.wise_ft import interpolate


@dataclass(frozen=True)
class Finish:
    """What was averaged and interpolated, where the recipe asks for it, and how far each layer group moved."""

    averaging: Averaging | None
    interpolation: Interpolation | None
    movement: Movement


def averagers(learner: Learner, recipe: Recipe, states: SavedStates) -> list[pl.Callback]:
    """Return the callbacks of the averages that ``recipe`` asks for; they belong behind the best weights' keeper."""
    names = thawed_names(learner.grouping, learner.plan)
    found: list[pl.Callback] = []
    if recipe.ema is not None:
        found.append(MovingAverage(recipe.ema, names))
    if recipe.average_last is not None:
        found.append(KeepLast(states, names, recipe.average_last))
    return found


@dataclass(frozen=True)
class Finisher:
    """Settles what the learner's model keeps once training is over.

    ``network`` wraps the model and switches modes as its plan wants; ``score`` measures the model on val.
    """

    learner: Learner
    recipe: Recipe
    states: SavedStates
    network: nn.Module
    transform: TrainingTransform
    score: Callable[[], Scores]
    reporter: Reporter

    def finish(self, rows: Sequence[MetricsRow], best: KeepBest, watched: Sequence[GroupEpoch]) -> Finish:
        """Change the model, which holds the last epoch's weights, to those that are kept, and say which.

        ``rows`` are those of all epochs, and ``watched`` what was seen of the gradients.
        """
        learner, start = self.learner, load_file(self.states.start_path)
        last = _copy(learner.model) if self.recipe.wise_ft else {}
        best.restore(learner.model)
        averaging = self._average(rows, best.epoch)
        kept = name_epochs((best.epoch,)) if averaging is None else averaging.kept
        interpolation = None
        if self.recipe.wise_ft:
            if kept == name_epochs((0,)):  # no epoch beat the head alone, but a step towards the last one may
                learner.model.load_state_dict(last)
                kept = name_epochs((rows[-1].epoch,))
            interpolation = interpolate(learner.model, start, score=self.score)
            self.reporter.say(interpolation.sentence())
            kept = f"alpha {interpolation.best.alpha:g} towards {kept}"
        movement = measure_movement(learner.model, start, learner.grouping, learner.plan, watched, kept=kept)
        return Finish(averaging, interpolation, movement)

    def _average(self, rows: Sequence[MetricsRow], best_epoch: int) -> Averaging | None:
        """Give the model the average that the recipe asks for, if it is as good as the best epoch; say so."""
        best = next(row for row in rows if row.epoch == best_epoch)
        scores = Scores(best.val_loss, best.val_accuracy, best.val_score)
        averaging = None
        if self.recipe.ema is not None:
            averaging = Averaging("ema", best_epoch > 0, scores, best_epoch, scores, decay=self.recipe.ema)
        elif self.recipe.average_last is not None:
            averaging = self._average_last(self.recipe.average_last, rows[-1].epoch, best_epoch, scores)
        if averaging is not None:
            self.reporter.say(averaging.sentence())
        return averaging

    def _average_last(
        self, n_epochs: int, last_epoch: int, best_epoch: int, best: Scores
    ) -> Averaging | None:
        epochs = last_epochs(self.states, last_epoch=last_epoch, n_epochs=n_epochs)
        if len(epochs) < min(n_epochs, last_epoch) or not epochs:
            self.reporter.say(
                f"warning: the weights after {len(epochs)} of the last {n_epochs} epochs are left to average"
            )
        if not epochs:
            return None
        model, before = self.learner.model, _copy(self.learner.model)
        model.load_state_dict({**before, **mean_weights(model, self.states, epochs)})
        self._recompute_statistics(last_epoch)
        found = self.score()
        used = self.recipe.select == "last" or found.val_score >= best.val_score
        if not used:
            model.load_state_dict(before)
        return Averaging("average_last", used, found, best_epoch, best, epochs=epochs)

    def _recompute_statistics(self, epoch: int) -> None:
        """Give moving batch norms the statistics of the averaged weights, over the training images."""
        norms = moving_norms(self.network)
        if norms:
            self.network.to(best_device())
            recompute_statistics(self.network, norms, self._training_batches(epoch))
            self.network.cpu()

    def _training_batches(self, epoch: int) -> Iterator[Any]:
        split, recipe = self.learner.split, self.recipe
        assert recipe.batch_size is not None
        batches = training_loader(
            [image.path for image in split.train],
            split.indices(split.train),
            self.transform,
            batch_size=recipe.batch_size,
            workers=recipe.workers,
        )
        batches.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        with self.reporter.track("measuring batch norm's statistics") as advance:
            for done, batch in enumerate(batches, start=1):
                yield batch
                advance(done, len(batches))


@torch.no_grad()
def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
