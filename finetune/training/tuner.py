"""The LightningModule: apply a strategy's plan to a network and train what the plan leaves free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torchmetrics.classification import MulticlassAccuracy

from finetune.model.freezing import apply_plan, optimizer_groups
from finetune.model.layers import Grouping
from finetune.recipe import Recipe
from finetune.training.objective import Objective
from finetune.training.optimizers import make_optimizer
from finetune.training.schedules import curve_of
from strategies import Plan


class Tuner(pl.LightningModule):
    """Trains ``model``, which is as it was built, by ``plan`` as ``recipe``, which is resolved, says.

    Inputs are B x 3 x H x W float32 and targets B in [0, n_classes). ``steps_per_epoch`` counts optimizer steps;
    ``class_counts`` are the training images of each class, for ``class_balance: weights``. Logs ``train_loss``
    (the data loss, smoothed, mixed and weighted as it is trained on, without the penalties), ``val_loss``
    (nats, plain cross-entropy), ``val_accuracy`` in [0, 1] and ``val_score``: the accuracy with ties broken by
    the loss.
    """

    def __init__(
        self,
        model: nn.Module,
        grouping: Grouping,
        plan: Plan,
        recipe: Recipe,
        *,
        n_classes: int,
        steps_per_epoch: int,
        class_counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)
        self._grouping = grouping
        self._plan = plan
        self._recipe = recipe
        self._curve = curve_of(recipe, steps_per_epoch=steps_per_epoch)
        self._freezing = apply_plan(self.model, grouping, plan)
        self._objective = Objective(
            self.model, grouping, plan, recipe, n_classes=n_classes, class_counts=class_counts
        )
        self._accuracy = MulticlassAccuracy(n_classes, average="micro")
        self._losses: list[Tensor] = []
        self._n_validated = 0

    def train(self, mode: bool = True) -> Self:
        """Switch modes as usual, then put what the plan holds back to eval mode."""
        super().train(mode)
        self._freezing.hold()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return B x n_classes logits."""
        logits: Tensor = self.model(images.contiguous(memory_format=torch.channels_last))
        return logits

    def on_train_batch_start(self, *_: Any) -> None:
        """Seed dropout and mixing by step, so that a resumed run draws what it would have drawn."""
        torch.manual_seed(self._recipe.seed * 1_000_003 + self.global_step)

    def training_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> Tensor:
        """Return the objective on one batch: its data loss and the penalties."""
        images, targets = self._objective.mix(*batch)
        loss = self._objective.data_loss(self(images), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(targets))
        penalty = self._objective.penalty(self.model)
        return loss if penalty is None else loss + penalty

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self._losses.clear()
        self._n_validated = 0

    def validation_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> None:
        """Count one batch."""
        images, targets = batch
        logits = self(images)
        self._losses.append(F.cross_entropy(logits, targets, reduction="sum"))
        self._n_validated += len(targets)
        self._accuracy.update(logits, targets)

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's loss, accuracy and score."""
        loss = torch.stack(self._losses).sum() / self._n_validated
        accuracy = self._accuracy.compute()
        self._accuracy.reset()
        # Less than half an image's worth, whatever the loss: it can only break ties.
        tie_break = 0.5 / self._n_validated / (1 + loss)
        self.log_dict({"val_loss": loss, "val_accuracy": accuracy, "val_score": accuracy + tie_break})

    def configure_optimizers(self) -> Any:
        """Return the optimizer over every layer group and its per-step schedule."""
        recipe = self._recipe
        groups = optimizer_groups(
            self.model,
            self._grouping,
            self._plan,
            lr=recipe.lr or 0.0,
            weight_decay=recipe.weight_decay or 0.0,
        )
        optimizer = make_optimizer(groups, recipe)
        # A function, so that no state holds the curve: it is the recipe's.
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._curve(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
