"""Watch each layer group's gradient and learning rate while it trains, and measure at the end how far it moved."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from finetune.evaluation.movement import GroupEpoch, GroupMovement, Movement
from finetune.model.layers import Grouping
from strategies import Plan

MOST_STEPS_WATCHED = 32
"""An epoch's gradients are looked at in so many steps at most, evenly spread; each look costs a pass over them."""

State = Mapping[str, Tensor]


class Watch(pl.Callback):
    """Keeps a `GroupEpoch` for each layer group and epoch in ``epochs``."""

    def __init__(self, grouping: Grouping) -> None:
        self.epochs: list[GroupEpoch] = []
        self._grouping = grouping
        self._n_steps = 0
        self._rates: dict[str, list[float]] = {}
        self._norms: dict[str, list[float]] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return the rows so far."""
        return {"epochs": [asdict(row) for row in self.epochs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows."""
        self.epochs = [GroupEpoch(**row) for row in state_dict["epochs"]]

    def on_train_epoch_start(self, *_: object) -> None:
        """Begin an epoch with nothing seen."""
        names = [group.name for group in self._grouping.groups]
        self._n_steps = 0
        self._rates = {name: [] for name in names}
        self._norms = {name: [] for name in names}

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Look at the gradients, before they are clipped, and at the rates that the step will use."""
        every = max(1, math.ceil(trainer.num_training_batches / MOST_STEPS_WATCHED))
        if self._n_steps % every == 0:
            model: nn.Module = pl_module.model  # type: ignore[assignment]
            self._look(model, optimizer)
        self._n_steps += 1

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Write the epoch's rows, unless it had no step."""
        epoch = trainer.current_epoch + 1
        for name, norms in self._norms.items():
            if norms:
                rate = statistics.fmean(self._rates[name])
                self.epochs.append(GroupEpoch(epoch, name, rate, _median(norms), _largest(norms)))

    def _look(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        rates = {id(tensor): group["lr"] for group in optimizer.param_groups for tensor in group["params"]}
        gradients: dict[str, list[Tensor]] = {name: [] for name in self._norms}
        fastest = dict.fromkeys(self._norms, 0.0)
        for name, parameter in model.named_parameters():
            group = self._grouping.group_of[name]
            if parameter.requires_grad:
                fastest[group] = max(fastest[group], float(rates.get(id(parameter), 0.0)))
            if parameter.grad is not None:
                gradients[group].append(parameter.grad)
        for group, found in gradients.items():
            self._rates[group].append(fastest[group])
            self._norms[group].append(float(nn.utils.get_total_norm(found)) if found else 0.0)


def measure_movement(
    model: nn.Module,
    start: State,
    grouping: Grouping,
    plan: Plan,
    epochs: Sequence[GroupEpoch],
    *,
    kept: str,
) -> Movement:
    """Return how far ``model`` has come from ``start``, the state that it began with, and what was watched."""
    now = model.state_dict()
    parameters = {name for name, _ in model.named_parameters()}
    rows = []
    for group in grouping.groups:
        names = [name for name, owner in grouping.group_of.items() if owner == group.name]
        own = [name for name in names if name in parameters]
        watched = [row for row in epochs if row.group == group.name]
        rows.append(
            GroupMovement(
                group=group.name,
                frozen=plan.of(group.name).is_frozen,
                n_parameters=group.n_parameters,
                relative_change=_relative_change([now[name] for name in own], [start[name] for name in own]),
                statistics_moved=any(
                    not torch.equal(now[name], start[name]) for name in names if name not in parameters
                ),
                lr_max=max((row.lr for row in watched), default=0.0),
                gradient_median=_median([row.gradient_median for row in watched]),
                gradient_max=_largest([row.gradient_max for row in watched]),
            )
        )
    return Movement(kept, tuple(rows), tuple(epochs))


def _relative_change(now: Sequence[Tensor], start: Sequence[Tensor]) -> float | None:
    """Return ||now - start|| / ||start||, summed in float64; None when only the denominator is 0."""
    moved = math.sqrt(sum(_square(a.double() - b.double()) for a, b in zip(now, start, strict=True)))
    size = math.sqrt(sum(_square(tensor.double()) for tensor in start))
    if moved == 0:
        return 0.0
    return moved / size if size else None


def _square(tensor: Tensor) -> float:
    return float(tensor.square().sum())


def _median(values: Sequence[float]) -> float:
    """Return the median, no number when one of them is none, 0 of nothing."""
    if any(math.isnan(value) for value in values):
        return math.nan
    return statistics.median(values) if values else 0.0


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(math.isnan(value) for value in values) else max(values, default=0.0)
