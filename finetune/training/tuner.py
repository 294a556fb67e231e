"""The LightningModule: apply a strategy's plan to a network and train what the plan leaves free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.functional.classification import multiclass_confusion_matrix

from finetune.model.freezing import apply_plan, optimizer_groups
from finetune.model.halves import Halves, split_at_freeze_line
from finetune.model.layers import Grouping
from finetune.model.precision import Concrete, autocast
from finetune.recipe import Recipe
from finetune.training.accumulation import Accumulation
from finetune.training.objective import Objective
from finetune.training.optimizers import make_optimizer
from finetune.training.schedules import curve_of
from finetune.training.scores import macro_f1
from finetune.training.thaw import plan_at, thaw_epochs
from strategies import Plan


class Tuner(pl.LightningModule):
    """Trains ``model``, which is as it was built, by ``plan`` as ``recipe``, which is resolved, says.

    Inputs are B x 3 x H x W float32 and targets B in [0, n_classes). ``steps_per_epoch`` counts optimizer steps;
    ``class_counts`` are the training images of each class, for ``class_balance: weights``. Logs ``train_loss``
    (the data loss, smoothed, mixed and weighted as it is trained on, without the penalties), ``val_loss``
    (nats, plain cross-entropy), ``val_accuracy`` and ``val_macro_f1`` in [0, 1] and ``val_score``: the accuracy
    with ties broken by the loss. ``accumulation`` says how batches make up an optimizer step where it takes
    several. The forward pass runs in the recipe's precision, logits and losses are float32.
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
        accumulation: Accumulation | None = None,
    ) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)
        self._grouping = grouping
        self._plan = plan
        self._recipe = recipe
        self._steps_per_epoch = steps_per_epoch
        self._accumulation = accumulation
        self._precision: Concrete = recipe.precision if recipe.precision in ("bf16", "fp16") else "fp32"
        self._curve = curve_of(recipe, steps_per_epoch=steps_per_epoch)
        self._freezing = apply_plan(self.model, grouping, plan)
        self._objective = Objective(
            self.model, grouping, plan, recipe, n_classes=n_classes, class_counts=class_counts
        )
        self._accuracy = MulticlassAccuracy(n_classes, average="micro")
        self._n_classes = n_classes
        self._confusion = torch.zeros(n_classes, n_classes, dtype=torch.long)
        self._losses: list[Tensor] = []
        self._n_validated = 0
        self.halves: Halves | None = None

    def cut(self, *, image_size: int) -> None:
        """From now on take what crosses the freeze line (see `finetune.training.boundary`) in place of images."""
        self.halves = split_at_freeze_line(self.model, image_size=image_size)

    def train(self, mode: bool = True) -> Self:
        """Switch modes as usual, then put what the plan holds back to eval mode."""
        super().train(mode)
        self._freezing.hold()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return B x n_classes logits, float32."""
        with autocast(self._precision, images.device):
            if self.halves is None:
                logits: Tensor = self.model(images.contiguous(memory_format=torch.channels_last))
            else:
                logits = self.halves.upper(images if self._precision == "bf16" else images.float())
        return logits.float()

    def on_train_epoch_start(self) -> None:
        """Thaw what has its turn in this epoch, a function of the epoch alone."""
        if self._recipe.unfreeze_at is not None:
            plan = plan_at(self._plan, self.current_epoch, self._recipe.unfreeze_at)
            self._freezing = apply_plan(self.model, self._grouping, plan)
            self.train()

    def on_train_batch_start(self, _batch: Any, batch_idx: int) -> None:
        """Seed dropout and mixing by batch, so that a resumed run draws what it would have drawn."""
        number = self.current_epoch * int(self.trainer.num_training_batches) + batch_idx
        torch.manual_seed(self._recipe.seed * 1_000_003 + number)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the objective on one batch, data loss and penalties, weighted for its place in the step."""
        loss, total = self.losses(*batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return total if self._accumulation is None else total * self._accumulation.weight(batch_idx)

    def losses(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the data loss of a batch, mixed where that is chosen, and the whole objective with penalties."""
        images, targets = self._objective.mix(images, targets)
        loss = self._objective.data_loss(self(images), targets)
        penalty = self._objective.penalty(self.model)
        return loss, loss if penalty is None else loss + penalty

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self._losses.clear()
        self._n_validated = 0
        self._confusion = torch.zeros(self._n_classes, self._n_classes, dtype=torch.long, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> None:
        """Count one batch."""
        images, targets = batch
        logits = self(images)
        self._losses.append(F.cross_entropy(logits, targets, reduction="sum"))
        self._n_validated += len(targets)
        self._accuracy.update(logits, targets)
        self._confusion += multiclass_confusion_matrix(logits, targets, self._n_classes)

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's loss, accuracy and score."""
        loss = torch.stack(self._losses).sum() / self._n_validated
        accuracy = self._accuracy.compute()
        self._accuracy.reset()
        # Less than half an image's worth, whatever the loss: it can only break ties.
        tie_break = 0.5 / self._n_validated / (1 + loss)
        scores = {"val_accuracy": accuracy, "val_score": accuracy + tie_break}
        self.log_dict({"val_loss": loss, **scores, "val_macro_f1": macro_f1(self._confusion)})

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
        # Functions, so that no state holds the curve: it is the recipe's.
        factors = [self._factor_from(self._first_step(group["name"])) for group in optimizer.param_groups]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _first_step(self, group_name: str) -> int:
        """Return the optimizer step, counted from 0, from which on the group learns."""
        if self._recipe.unfreeze_at is None:
            return 0
        begins = thaw_epochs(self._plan, self._recipe.unfreeze_at)
        return begins.get(group_name.removesuffix(" (no decay)"), 0) * self._steps_per_epoch

    def _factor_from(self, first_step: int) -> Callable[[int], float]:
        """Return the global schedule, but 0 before ``first_step``: a group that thaws joins it where it is."""
        return lambda step: 0.0 if step < first_step else self._curve(step)
