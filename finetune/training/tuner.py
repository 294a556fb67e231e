"""The LightningModule: apply a strategy's plan to a network and train what the plan leaves free."""

from __future__ import annotations

import math
from typing import Any, Self

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torchmetrics.classification import MulticlassAccuracy

from finetune.model.freezing import apply_plan, optimizer_groups
from finetune.model.layers import Grouping
from finetune.recipe import Recipe
from strategies import Plan

WARM_UP_SHARE = 0.1


class Tuner(pl.LightningModule):
    """Trains ``model`` by ``plan`` as ``recipe``, which is resolved, says.

    Inputs are B x 3 x H x W float32 and targets B in [0, n_classes). Logs ``train_loss``, ``val_loss`` (nats,
    without smoothing), ``val_accuracy`` in [0, 1] and ``val_score``: the accuracy with ties broken by the loss.
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
    ) -> None:
        super().__init__()
        assert recipe.epochs is not None
        self.model = model.to(memory_format=torch.channels_last)
        self._grouping = grouping
        self._plan = plan
        self._lr = recipe.lr or 0.0
        self._weight_decay = recipe.weight_decay or 0.0
        self._label_smoothing = recipe.label_smoothing or 0.0
        self._total_steps = recipe.epochs * steps_per_epoch
        self._seed = recipe.seed
        self._freezing = apply_plan(self.model, grouping, plan)
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
        """Seed dropout by step, so that a resumed run draws what it would have drawn."""
        torch.manual_seed(self._seed * 1_000_003 + self.global_step)

    def training_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> Tensor:
        """Return the smoothed cross-entropy of one batch."""
        images, targets = batch
        loss = F.cross_entropy(self(images), targets, label_smoothing=self._label_smoothing)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(targets))
        return loss

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
        """Return AdamW over every layer group and its per-step schedule."""
        groups = optimizer_groups(
            self.model, self._grouping, self._plan, lr=self._lr, weight_decay=self._weight_decay
        )
        optimizer = torch.optim.AdamW(groups, lr=self._lr)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warm_cosine(step, self._total_steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def warm_cosine(step: int, total_steps: int) -> float:
    """Return the learning-rate factor in [0, 1] at ``step``, counted from 0.

    Linear over the first tenth of the steps, then (1 + cos(pi t)) / 2 (Loshchilov and Hutter, ICLR 2017).
    """
    warm_up = max(1, round(WARM_UP_SHARE * total_steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = min(1.0, (step - warm_up) / max(1, total_steps - warm_up))
    return 0.5 * (1 + math.cos(math.pi * done))
