"""Optimizers by name over a network's layer groups: AdamW and SGD of torch, all others of timm."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from finetune.recipe import Recipe
from finetune.training.rates import DEFAULT_MOMENTUM, DEFAULT_OPTIMIZER


def make_optimizer(groups: list[dict[str, Any]], recipe: Recipe) -> Optimizer:
    """Return the optimizer of ``recipe`` over ``groups``, each with its own ``lr`` and ``weight_decay``.

    All groups are kept, frozen ones too, so that a saved optimizer always fits. Weight decay is decoupled in
    ``adamw`` and its kin; ``sgd``, ``adam``, ``rmsprop`` and others of torch add it to the gradient (L2).
    """
    name = recipe.optimizer or DEFAULT_OPTIMIZER
    lr = recipe.lr or 0.0
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr)
    momentum = DEFAULT_MOMENTUM if recipe.momentum is None else recipe.momentum
    if name == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=recipe.nesterov)
    from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]

    optimizer: Optimizer = create_optimizer_v2(groups, opt=name, lr=lr, momentum=momentum)
    return optimizer
